/** The runner of vector files: it can tell agreement, decision and failure apart, in every section. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import derived from './derived.json' with { type: 'json' };
import { differences } from './differences.ts';
import observed from './observed.json' with { type: 'json' };
import { checkVectors } from './sections.ts';

const fixture = {
  tool: 'some-tool',
  home: '/data/project/some-tool',
  uid: 1,
  gid: 1,
  default_cpu_limit: '1000m',
  defaults_2026: { memory: '512Mi', cpu: '100m' },
  images: [{ short_name: 'bookworm', type: 'standard', state: 'stable', image: 'r.example.org/bookworm:latest' }],
};
const shell = ['/bin/sh', '-c', '--'];

const agreeing = {
  cron_macros: [{ seed: 'some-tool some-job', '@daily': '56 6 * * *' }],
  cron_validate: [
    { in: '0 0 * * SUN', ok: '0 0 * * sun' },
    {
      in: '* * * *',
      msg: 'Unable to parse cron expression "* * * *": Expected to find 5 space-separated values, found 4',
    },
  ],
  job_names: [
    { in: 'a', ok: true },
    { in: '-', ok: false, msg: 'Invalid job name. See the documentation for the naming rules: https://w.wiki/6YL8' },
  ],
  quantities: [{ in: '2Gi', decimal: '2147483648', as_mem: '2.0Gi', as_cpu: '2147483648.0' }],
  durations: [{ s: 61, out: '1m1s' }],
  quota_error: [{ in: 'exceeded quota: t, limited: requests.cpu=1,pods=1', out: 'out of quota for cpu, pods' }],
  command_for_k8s: [{ cmd: './x', filelog: false, buildservice: false, command: [...shell, './x'], args: null }],
};

const wrong = {
  cron_macros: [{ seed: 'some-tool some-job', '@daily': '57 6 * * *' }],
  cron_validate: [{ in: '0 0 * * *', ok: '1 0 * * *' }],
  job_names: [{ in: 'a', ok: false, msg: 'no' }],
  quantities: [{ in: '2Gi', decimal: '1', as_mem: '2.0Gi', as_cpu: '2147483648.0' }],
  durations: [{ s: 61, out: '61s' }],
  quota_error: [{ in: 'exceeded quota: t, limited: pods=1', out: 'out of quota for cpu' }],
  command_for_k8s: [{ cmd: './x', filelog: true, buildservice: false, command: [...shell, './x'], args: null }],
  k8s_objects_2026: [{ in: { name: 'j', cmd: 'x', imagename: 'bookworm' }, k8s: { apiVersion: 'batch/v1' } }],
  k8s_objects_2023: [{ in: {}, k8s: { kind: 'Job', metadata: { name: 'j' } }, api_object_after_roundtrip: {} }],
  a_section_of_another_time: [{}],
};

describe('the runner of vector files', () => {
  it('counts what agrees', () => {
    expect(checkVectors({ note: '', fixture, ...agreeing })).toMatchObject({ passed: 9, failed: 0 });
  });

  it.each(Object.keys(wrong))('finds what is wrong in %s', (section) => {
    const rows = wrong[section as keyof typeof wrong];
    expect(checkVectors({ fixture, [section]: rows })).toMatchObject({ passed: 0, failed: 1 });
  });

  it('says where an object parts from the one that is wanted', () => {
    const asked = { name: 'j', cmd: 'x', imagename: 'bookworm' };
    const { lines } = checkVectors({ fixture, k8s_objects_2026: [{ in: asked, k8s: { apiVersion: 'apps/v1' } }] });
    expect(lines[0]).toContain('at /object/apiVersion\n      got    "batch/v1"\n      wanted "apps/v1"');
  });

  it('takes no refusal for one that a rule names when it has another reason', () => {
    const asked = { name: 'J', cmd: '', imagename: 'bookworm' };
    const report = checkVectors({ fixture, k8s_objects_2026: [{ in: asked, k8s: {} }] });
    expect(report).toMatchObject({ failed: 1, differing: 0 });
    expect(report.lines[0]).toContain('for another reason than command-not-blank');
  });

  it.each([[undefined], [null], [[]], ['text'], [{ durations: {} }], [{ durations: [1] }], [{ fixture: {} }]])(
    'checks nothing of %j',
    (file) => {
      expect(() => checkVectors(file)).toThrow(/^it/);
    },
  );

  it('ends with 0, 1 or 2, and a count as its last line', async () => {
    const run = (file: string) => spawnSync(process.execPath, ['--import', 'tsx', 'test/vectors/main.ts', file]);
    const place = await mkdtemp(join(tmpdir(), 'vectors-'));
    const path = join(place, 'wrong.json');
    await writeFile(path, JSON.stringify({ durations: wrong.durations, more: [] }));
    const [good, bad, none] = ['test/vectors/observed.json', path, join(place, 'none.json')].map(run);
    expect([good?.status, bad?.status, none?.status]).toEqual([0, 1, 2]);
    expect(String(good?.stdout)).toMatch(/\n\d+ differ by decision .*\n\d+ passed, 0 failed\n$/);
    expect(String(bad?.stdout)).toMatch(/more: not a section .*\n0 passed, 2 failed\n$/s);
    expect(String(none?.stderr)).toContain('none.json cannot be checked');
    await rm(place, { recursive: true });
  }, 30_000);

  it('takes an answer that a rule names only if it is exactly what the rule says', () => {
    const row = { in: '100Mi', decimal: '104857600', as_mem: '0.098Gi', as_cpu: '104857600.0' };
    const report = checkVectors({ quantities: [row, { ...row, as_cpu: '1.0' }] });
    expect(report).toMatchObject({ passed: 0, failed: 1 });
    expect([...report.byDecision]).toEqual([['amounts-not-rounded', 1]]);
  });
});

describe('the differences by decision', () => {
  it('are a dozen at most, and each has its row in docs/compatibility.md', async () => {
    const page = await readFile('docs/compatibility.md', 'utf8');
    const [, part = ''] = page.split(/^## .*$/m);
    const rows = [...part.matchAll(/^\| `([a-z0-9-]+)` \| (`[a-z0-9_`, ]+`) \|/gm)];
    const said = new Map(rows.map(([, key = '', names = '']) => [key, names.replaceAll('`', '').split(', ').sort()]));
    const keys = [...new Set(differences.map(({ key }) => key))];
    const sectionsOf = (wanted: string) =>
      differences.filter(({ key }) => key === wanted).map(({ section }) => section);
    expect(said).toEqual(new Map(keys.map((key) => [key, [...new Set(sectionsOf(key))].sort()])));
    expect(keys.length).toBeLessThanOrEqual(12);
  });

  it('are each met by a row of this repository', () => {
    const met = [observed, derived].flatMap((file) => [...checkVectors(file).byDecision.keys()]);
    expect([...new Set(met)].sort()).toEqual([...new Set(differences.map(({ key }) => key))].sort());
  });
});
