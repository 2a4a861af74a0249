import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { AppError } from '../src/errors.ts';
import { parseSettings, parseStartup, retiredKeys, settingKeys } from '../src/settings.ts';
import { repositoryRoot } from './support/repository-root.ts';

const tls = { port: 30_001, cert: '/tls.crt', key: '/tls.key', client_ca: '/ca.crt' };
const least = { listen: { tls, health: { port: 9000 } } };

function problemsOf(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof AppError && error.code === 'settings.invalid') return error.problems ?? [];
    throw error;
  }
  return [];
}

const startupProblems = (file: unknown) =>
  problemsOf(() => parseStartup(typeof file === 'string' ? file : stringify(file)));

describe('the start-up file', () => {
  it('of the examples is valid and shows the defaults', () => {
    const example = parseStartup(readFileSync(join(repositoryRoot, 'config/jobsd.example.yaml'), 'utf8'));
    const { listen, ...rest } = parseStartup(stringify(least));
    expect({ ...example, listen: undefined }).toEqual({ ...rest, listen: undefined });
    expect(example.listen).toMatchObject({ tls: { address: listen.tls?.address }, health: listen.health });
  });

  it('has defaults for what is left out', () => {
    expect(parseStartup(stringify(least))).toEqual({
      listen: { tls: { address: '0.0.0.0', ...tls }, health: { address: '127.0.0.1', port: 9000 } },
      kubernetes: { act_as: 'tool-certificate' },
      homes: { base: '/data/project', mount: '/data/project' },
      smtp: { allow: [] },
      webhooks: { allow: [], refuse: [] },
      state_dir: '/var/lib/toolforge-jobs',
      october_base: '/jobs',
      configmaps: {
        settings: { namespace: 'jobs-emailer', name: 'jobs-emailer-configmap' },
        images: { namespace: 'tf-public', name: 'image-config', key: 'images-v1.yaml' },
      },
    });
  });

  it('names every mistake at once, each with its place', () => {
    const problems = startupProblems({
      listen: { tls: { ...tls, port: 70_000, key: 'tls.key', client_ca: 5, chain: '/x' }, health: {} },
      kubernetes: { act_as: 'root' },
      homes: { base: '/a\0b' },
      configmaps: { images: { namespace: 'Upper', name: 'x', key: '' } },
      colour: 'blue',
    });
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual([
      'listen.tls.port',
      'listen.tls.key',
      'listen.tls.client_ca',
      'listen.tls.chain',
      'listen.health.port',
      'kubernetes.act_as',
      'homes.base',
      'configmaps.images.namespace',
      'configmaps.images.key',
      'colour',
    ]);
    expect(problems.filter((problem) => problem.endsWith(': is missing'))).toEqual(['listen.health.port: is missing']);
    expect(problems).toContain('colour: not a field known here');
  });

  it('needs a listener for users, and says so beside other mistakes', () => {
    const { listen } = least;
    expect(startupProblems({ ...least, homes: 5, listen: { health: listen.health } })).toEqual([
      'listen: needs tls, unix or both',
      expect.stringMatching(/^homes: /),
    ]);
  });

  it('may have the front of another program as its only listener', () => {
    const unix = { path: '/run/front.sock', client_ca: '/ca.crt' };
    expect(startupProblems({ ...least, listen: { unix, health: { port: 0 } } })).toEqual([]);
  });

  it.each(['', '5', '[]', 'a: [', '\t', 'a: &a [1]\nb: [*a, *a]'])('that is %j names a problem', (text) => {
    expect(startupProblems(text)).toHaveLength(1);
  });
});

function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

describe('the settings', () => {
  const settingProblems = (raw: Record<string, unknown>) => problemsOf(() => parseSettings(raw));

  it('have valid defaults', () => {
    expect(parseSettings({})).toEqual({
      settings: {
        logLevel: 'info',
        mountHomes: false,
        runAsHomeOwner: true,
        defaultCpuLimit: '1000m',
        imagePullPolicy: undefined,
        publicDomain: '',
        ingressClass: '',
        harborCacheMs: 5_000,
        harborTimeoutMs: 5_000,
        requestsPerSecondPerTool: 20,
        requestsAtOncePerTool: 8,
        requestsAtOnce: 256,
        streamsAtOncePerTool: 16,
        streamStallMs: 60_000,
        usageEveryMs: 15_000,
        runsPerJob: 100,
        runsDays: 90,
        deniedTools: new Set(),
        webhooks: { isOn: true, hosts: ['*'] },
        mail: {
          isSent: false,
          from: 'noreply@toolforge.org',
          toPrefix: 'tools',
          toDomain: 'toolforge.org',
          server: 'mail.tools.wmcloud.org',
          port: 25,
          isTlsRequired: false,
          connections: 4,
          paceMails: 10,
          paceMs: 10_000,
          firstMs: 30_000,
          windowMs: 400_000,
          perDay: 24,
          troubleMs: 120_000,
          steadyMs: 300_000,
          outputLines: 20,
        },
      },
      unknownKeys: [],
    });
  });

  it('are read from text', () => {
    const { settings } = parseSettings({
      debug: 'yes',
      mount_homes: 'yes',
      run_as_home_owner: 'no',
      default_cpu_limit: '0.5',
      image_pull_policy: 'Never',
      requests_at_once: '1',
      denied_tools: ' alpha,beta\n\tgamma, ',
    });
    expect(settings).toMatchObject({
      logLevel: 'debug',
      mountHomes: true,
      runAsHomeOwner: false,
      defaultCpuLimit: '0.5',
      imagePullPolicy: 'Never',
      requestsAtOnce: 1,
      deniedTools: new Set(['alpha', 'beta', 'gamma']),
    });
  });

  it('name every malformed value at once', () => {
    const wrong = Object.fromEntries(settingKeys.map((key) => [key, 'Wrong!']));
    expect(settingProblems(wrong).map((problem) => problem.split(/[.:]/)[0])).toEqual([...settingKeys]);
  });

  it.each([
    ['debug', ['true', '', 'YES', true, 'yes\n']],
    ['requests_at_once', ['0', '-1', '1.5', '1e3', ' 5', '100001', '9999999999', 5, null]],
    ['requests_per_second_per_tool', ['0', '100001']],
    ['requests_at_once_per_tool', ['0', '10001']],
    ['default_cpu_limit', ['', '1Gi', '-1', 'm', '1 m', '.5']],
    [
      'email_from_addr',
      ['', 'x', '@a.org', 'a b@c.org', 'a@b.org,c@d.org', 'a@b.org\r\nX: y', '<a@b.org>', '"a"@b.org', 'a@b'],
    ],
    ['email_to_prefix', ['', '.', 'a..b', 'a@b', 'a,b', 'a\n', 'a'.repeat(33)]],
    ['email_to_domain', ['', 'localhost', 'a..org', '-a.org', 'a.org>', '127.0.0.1/x']],
    ['smtp_server_fqdn', ['', 'localhost', '169.254.169.254', 'a_b.org', 'a.org/x', '[::1]', 'a.org:25']],
    ['webhooks', ['', 'on', 'true']],
    [
      'webhook_hosts',
      ['https://a.org', '**', '*a.org', 'a.*.org', 'A.org', 'a.org/x', '-a.org', '10.0.0.0/8', '[::1]'],
    ],
    ['smtp_server_port', ['0', '65536', '-1', '25x']],
    ['task_compose_emails_loop_sleep', ['0', '86401', '1.5', '1e12']],
    ['denied_tools', ['Alpha', '../beta', '-a', 'a'.repeat(54), ['alpha']]],
  ])('refuse for %s: %j', (key, values) => {
    for (const value of values) {
      expect(settingProblems({ [key]: value })).toEqual([expect.stringMatching(new RegExp(`^${key}(\\.\\d+)?: `))]);
    }
  });

  it('tell of keys that nobody reads here, and bear them', () => {
    const { settings, unknownKeys } = parseSettings({ colour: 'blue', debug: 'yes' });
    expect([settings.logLevel, unknownKeys]).toEqual(['debug', ['colour']]);
  });

  it('take the map of the mailer before, as it is', () => {
    const map = {
      debug: 'no',
      email_from_addr: 'noreply@tools.wmflabs.org',
      email_to_domain: 'tools.wmflabs.org',
      email_to_prefix: 'tools',
      send_emails_for_real: 'yes',
      smtp_server_fqdn: 'mail.tools.wmflabs.org',
      smtp_server_port: '25',
      task_compose_emails_loop_sleep: '400',
      task_read_configmap_sleep: '10',
      task_send_emails_loop_sleep: '10',
      task_send_emails_max: '10',
      task_watch_pods_timeout: '60',
    };
    const { settings, unknownKeys } = parseSettings(map, { allow: [{ host: 'mail.tools.wmflabs.org' }] });
    expect(settings.mail).toMatchObject({ isSent: true, windowMs: 400_000, paceMails: 10, paceMs: 10_000 });
    expect(unknownKeys).toEqual([]);
  });

  it('are taken or refused, and never anything between, whatever 100,000 maps hold', () => {
    const odd = [
      'yes',
      'no',
      '',
      '5',
      '-1',
      '1e12',
      '007',
      ' 5',
      '2147483648',
      '\0',
      'a.example.org',
      'a@b.org',
      '__proto__',
    ];
    const keys = fc.oneof(fc.constantFrom(...settingKeys, ...retiredKeys, '__proto__', 'constructor'), fc.string());
    const value = fc.oneof(fc.constantFrom(...odd), fc.string(), fc.nat().map(String));
    fc.assert(
      fc.property(fc.dictionary(keys, value, { maxKeys: 4 }), (raw) => {
        const problems = problemsOf(() => {
          const { settings } = parseSettings(raw, { allow: [{ host: 'a.example.org' }] });
          // Nothing that a timer cannot wait for, and nothing that is no number.
          for (const number of numbersIn(settings)) expect(number >= 0 && number < 2 ** 31).toBe(true);
        });
        for (const problem of problems) expect(settingKeys).toContain(problem.split(/[.:]/)[0]);
      }),
      { numRuns: 100_000 },
    );
  }, 120_000);

  describe('of a mail server', () => {
    const real = { send_emails_for_real: 'yes', smtp_server_fqdn: 'mail.example.org' };
    const problemsWith = (raw: Record<string, string>, allow: Parameters<typeof parseSettings>[1] = { allow: [] }) =>
      problemsOf(() => parseSettings({ ...real, ...raw }, allow));

    it('are believed only for one that the start-up file names', () => {
      expect(problemsWith({})).toEqual([expect.stringMatching(/^smtp_server_fqdn: mail\.example\.org is not among/)]);
      expect(problemsWith({}, { allow: [{ host: 'mail.example.org' }] })).toEqual([]);
      expect(problemsWith({ send_emails_for_real: 'no' })).toEqual([]);
    });

    it('are believed only for its ports', () => {
      const port = (smtp_server_port: string, only?: number) =>
        problemsWith({ smtp_server_port }, { allow: [{ host: 'mail.example.org', ...(only ? { port: only } : {}) }] });
      expect(['25', '465', '587', '26'].map((text) => port(text).length)).toEqual([0, 0, 0, 1]);
      expect([port('2525', 2525).length, port('25', 2525).length]).toEqual([0, 1]);
    });
  });
});
