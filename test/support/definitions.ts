/** Images and random requests for tests of definitions and of the objects made from them. */
import fc from 'fast-check';
import type { Image } from '../../src/domain.ts';
import { emailsChoices } from '../../src/domain.ts';
import { type ImageList, parseImageConfig } from '../../src/images.ts';

const registry = 'docker-registry.tools.wmflabs.org';

export const images: ImageList = parseImageConfig(`
python3.11:
  state: stable
  aliases: [toolforge-python311]
  image: ${registry}/toolforge-python311-sssd-web
  variants:
    jobs-framework: { image: ${registry}/toolforge-python311-sssd-base }
    webservice: { image: ${registry}/toolforge-python311-sssd-web }
bullseye:
  state: stable
  variants:
    jobs-framework: { image: ${registry}/toolforge-bullseye-sssd }
`);

export const standardImage: Image = images.byUrl(`${registry}/toolforge-python311-sssd-web:latest`);
export const buildImage: Image = images.byUrl('harbor.example.org/tool-some-tool/c:latest');

/** By name, as a handler would find it; the build service has no list yet. */
export function imageNamed(name: string): Image {
  const image = name === buildImage.name ? buildImage : images.find(name);
  if (!image) throw new Error(`the tests know no image ${name}`);
  return image;
}

const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
const name = fc.oneof(
  label,
  fc.tuple(label, label).map((labels) => labels.join('.')),
  fc.constantFrom('constructor', 'valueof'),
);
const words = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 5 });
const tricky = fc.constantFrom(
  'exec 1>>x;exec 2>>y;z',
  'launcher web',
  'launcher',
  'launcher  web',
  'unknown',
  './a 1>>b 2>>c',
  'x\ny',
  ';',
  '--',
);
const cmd = fc
  .oneof(
    words.map((list) => list.join(' ')),
    tricky,
  )
  .filter((text) => text.trim() !== '' && !text.includes('\0'));
const fileName = fc.string({ unit: fc.constantFrom(...`abc.-_ $;'"\\&|*é😀`), minLength: 1, maxLength: 12 });
const logPath = fc.oneof(
  fc
    .array(
      fileName.filter((text) => text !== '..' && text !== '.'),
      { minLength: 1, maxLength: 3 },
    )
    .map((parts) => parts.join('/')),
  fc.constantFrom('/dev/null', '/data/project/some-tool/x y'),
);
const quantity = fc.constantFrom('512Mi', '1Gi', '1G', '100Mi', '0.3Gi', '1e9', '536870912', '2.5Gi', '129M');
const cores = fc.constantFrom('100m', '0.1', '1', '0.5', '250m', '1e0', '3', '1500m');

const value = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !text.includes('\0')),
  fc.constantFrom('$(HOME)', '$$', '$', '$$(A)', '$(TOOLFORGE_RUN_ID)$', 'a\nb', 'it\'s; rm -rf "$HOME" `x`'),
);
const parameters = fc.dictionary(
  fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/).filter((one) => !/^(?:HOME|PATH|PORT|PWD|TOOL_.*)$/.test(one)),
  value,
  { minKeys: 1, maxKeys: 4, noNullPrototype: true },
);

const common = {
  name,
  cmd,
  imagename: fc.constantFrom(standardImage.name, 'toolforge-python311', 'bullseye'),
};
const optional = {
  filelog: fc.boolean(),
  filelog_stdout: logPath,
  filelog_stderr: logPath,
  emails: fc.constantFrom(...emailsChoices),
  mount: fc.constant('all'),
  memory: quantity,
  cpu: cores,
  parameters,
  after: fc.uniqueArray(fc.constantFrom('first', 'second', 'so.third'), { minLength: 1 }),
};
const retry = { retry: fc.integer({ min: 0, max: 5 }) };

const serviceName = fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/);
const protocol = fc.constantFrom('tcp', 'udp');
const script = cmd.filter((text) => Buffer.byteLength(text) <= 4_096).map((text) => ({ type: 'script', script: text }));
const page = fc.webPath().map((path) => ({ type: 'http', path: `/${path}`.slice(0, 200) }));

type Arbitraries = Record<string, fc.Arbitrary<unknown>>;

function inputOf(extra: Arbitraries, always: Arbitraries = {}): fc.Arbitrary<Record<string, unknown>> {
  const given = fc.record({ ...common, ...optional, ...extra }, { requiredKeys: ['name', 'cmd', 'imagename'] });
  return fc.tuple(given, fc.record(always)).map(([input, fixed]) => ({ ...input, ...fixed }));
}

/** Any request that is valid on a standard image of the tool some-tool. */
export const anyInput: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  inputOf(retry),
  inputOf(
    {
      ...retry,
      timeout: fc.nat(100_000),
      timezone: fc.constantFrom('UTC', 'Europe/Rome', 'US/Pacific', 'Etc/GMT-14'),
      concurrency: fc.constantFrom('forbid', 'replace', 'allow'),
      starting_deadline: fc.integer({ min: 10, max: 86_400 }),
    },
    { schedule: fc.constantFrom('~ 5~9 * * *', '@daily', '@monthly', '*/5 * * * *', '0 0 * * 7', '  5   4 * * SUN ') },
  ),
  inputOf({ replicas: fc.nat(5), port_protocol: protocol, health_check: script }, { continuous: fc.constant(true) }),
  inputOf(
    { replicas: fc.nat(5), port_protocol: protocol, health_check: fc.oneof(script, page) },
    { continuous: fc.constant(true), name: serviceName, port: fc.integer({ min: 1, max: 65_535 }) },
  ),
);

/** Any request that is valid on an image of the build service. */
export const anyBuildInput: fc.Arbitrary<Record<string, unknown>> = fc
  .tuple(anyInput, fc.boolean())
  .map(([{ filelog_stdout, filelog_stderr, mount: _mount, ...input }, filelog]) => ({
    ...input,
    imagename: buildImage.name,
    ...(filelog
      ? { filelog, mount: 'all', filelog_stdout: filelog_stdout ?? 'x', filelog_stderr: filelog_stderr ?? 'y' }
      : { filelog: false }),
  }));
