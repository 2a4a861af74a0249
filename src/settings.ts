/**
 * Two kinds of settings. The start-up file (YAML, read once) says where things are: listeners, identity, paths, CAs; it never changes while
 * running. Everything else are live settings: strings in a ConfigMap, filled up from config/defaults.json, read through a holder at the
 * moment of use. docs/settings.md is held to both tables by a test.
 */
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import defaults from '../config/defaults.json' with { type: 'json' };
import { AppError } from './errors.ts';
import { nearest } from './nearest.ts';

const port = z.number().int().min(0).max(65_535);
const absolutePath = z.string().regex(/^\/[^\0]*$/, 'must be an absolute path');
const dnsName = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a Kubernetes name');
const network = z.union([z.cidrv4(), z.cidrv6()], 'must be a network such as 10.3.0.0/16');
const named = z.strictObject({ namespace: dnsName, name: dnsName });

/** Where things are in an installation whose start-up file says nothing of it; the operators' commands go by them too. */
export const startupDefaults = {
  homes: '/data/project',
  stateDir: '/var/lib/toolforge-jobs',
  settingsMap: { namespace: 'jobs-emailer', name: 'jobs-emailer-configmap' },
  imagesMap: { namespace: 'tf-public', name: 'image-config', key: 'images-v1.yaml' },
} as const;

const startupSchema = z.strictObject({
  listen: z
    .strictObject({
      /** The mutual TLS listener. */
      tls: z
        .strictObject({
          address: z.string().min(1).default('0.0.0.0'),
          port,
          cert: absolutePath,
          key: absolutePath,
          client_ca: absolutePath,
        })
        .optional(),
      /** Header mode behind a front; the only place where an identity header is believed. */
      unix: z.strictObject({ path: absolutePath, client_ca: absolutePath }).optional(),
      /** Health, readiness, metrics: no tool data, no certificate. */
      health: z.strictObject({ address: z.string().min(1).default('127.0.0.1'), port }),
    })
    .refine(({ tls, unix }) => tls || unix, 'needs tls, unix or both'),
  kubernetes: z
    .strictObject({
      /** The daemon's own credentials; absent = the service account of the pod. */
      kubeconfig: absolutePath.optional(),
      /** How the daemon acts for a tool. */
      act_as: z.enum(['tool-certificate', 'impersonation']).default('tool-certificate'),
    })
    .prefault({}),
  homes: z
    .strictObject({
      /** Where the daemon sees the homes. */
      base: absolutePath.default(startupDefaults.homes),
      /** Where pods see them. */
      mount: absolutePath.default(startupDefaults.homes),
      /** Of toolforge-jobs-home-readers, which has the right to read homes; absent = the daemon has it. */
      reader_socket: absolutePath.optional(),
    })
    .prefault({}),
  /** The registry of the build service; absent = there is none. What it answers is believed, so it stands here and never changes live. */
  harbor: z
    .strictObject({
      url: z
        .string()
        .regex(/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/, 'must be https://HOST or http://HOST, without a path'),
      /** Verifies it; absent = what the system trusts. */
      ca_file: absolutePath.optional(),
    })
    .optional(),
  /** Mail. The settings may only name servers that stand here, so that nobody who edits them can have mail sent anywhere else. */
  smtp: z
    .strictObject({
      allow: z
        .array(
          z.strictObject({
            /** As `smtp_server_fqdn` names it, and its certificate. */
            host: dnsName,
            /** Where to connect, whatever DNS says. */
            address: z.union([z.ipv4(), z.ipv6()], 'must be an IP address').optional(),
            /** The only port allowed; absent = 25, 465 and 587. */
            port: port.min(1).optional(),
          }),
        )
        .default([]),
      /** Who we are for the server; absent = it does not ask. */
      auth: z.strictObject({ user: z.string().min(1).max(256), password_file: absolutePath }).optional(),
      /** Verifies the server; absent = what the system trusts. */
      ca_file: absolutePath.optional(),
    })
    .prefault({}),
  /** Webhooks of tools go to the internet; what stands here opens and closes networks, and never changes live. */
  webhooks: z
    .strictObject({
      /** Networks that are not of the internet and may be reached all the same. */
      allow: z.array(network).default([]),
      /** Networks that may not be reached, whatever else is said: those of the cluster, where it has public addresses. */
      refuse: z.array(network).default([]),
      /** Trusted beside the usual authorities. */
      ca_file: absolutePath.optional(),
    })
    .prefault({}),
  /** Of several processes over one state_dir only the holder of this Lease serves, writes and sends; absent = there is one process. */
  lease: named
    .extend({
      /** Absent = the name of the machine. */
      identity: z
        .string()
        .regex(/^[A-Za-z0-9][-._A-Za-z0-9]{0,252}$/, 'must be a name')
        .optional(),
    })
    .optional(),
  /** What is kept over a restart; one process at a time. */
  state_dir: absolutePath.default(startupDefaults.stateDir),
  /** What stands before `/api/v1` in the dialect of October 2023. */
  october_base: z
    .string()
    .regex(/^(\/[a-z0-9-]+)+$/, 'must be a path such as /jobs')
    .default('/jobs'),
  configmaps: z
    .strictObject({
      settings: named.default(startupDefaults.settingsMap),
      images: named.extend({ key: z.string().min(1) }).default(startupDefaults.imagesMap),
    })
    .prefault({}),
});

/** The start-up file after validation; field names as written in the file. */
export type Startup = z.infer<typeof startupSchema>;

/**
 * @param text YAML, e.g. config/jobsd.example.yaml
 * @throws AppError `settings.invalid` naming every problem at once
 */
export function parseStartup(text: string): Startup {
  let raw: unknown;
  try {
    raw = parseYaml(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new AppError('settings.invalid', 'The start-up file is not YAML.', { cause, problems: [String(cause)] });
  }
  const parsed = startupSchema.safeParse(raw, { reportInput: true });
  if (!parsed.success) throw invalid('The start-up file', problemsOf(parsed.error));
  return parsed.data;
}

/** Live settings, converted: units in the names. */
export interface Settings {
  readonly logLevel: 'debug' | 'info';
  /** Whether the daemon puts the homes into pods itself; elsewhere an admission webhook of the cluster does. */
  readonly mountHomes: boolean;
  /** Whether pods run with the uid and gid of the home's owner. */
  readonly runAsHomeOwner: boolean;
  /** CPU limit of jobs that ask for the default CPU. */
  readonly defaultCpuLimit: string;
  /** Public jobs are reachable under `<tool>.<publicDomain>`; '' = none can be made public. */
  readonly publicDomain: string;
  /** IngressClass of public jobs; '' = the cluster's default. */
  readonly ingressClass: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  /** How old a list of a tool's own images may be before the registry is asked again. */
  readonly harborCacheMs: number;
  /** For one request to the registry. */
  readonly harborTimeoutMs: number;
  readonly requestsPerSecondPerTool: number;
  readonly requestsAtOncePerTool: number;
  readonly requestsAtOnce: number;
  /** Answers that go on: logs and events. */
  readonly streamsAtOncePerTool: number;
  /** A reader who takes nothing for so long is turned out. */
  readonly streamStallMs: number;
  /** Records of runs: the newest of each job, and none that is older. */
  readonly runsPerJob: number;
  readonly runsDays: number;
  /** Tools that may not use the service, whatever their certificate says. */
  readonly deniedTools: ReadonlySet<string>;
  /** How often it is asked what jobs use; 0 = never. */
  readonly usageEveryMs: number;
  readonly webhooks: WebhookSettings;
  readonly mail: MailSettings;
}

export interface WebhookSettings {
  /** Off: nothing is sent to any. */
  readonly isOn: boolean;
  /** `*`, `*.example.org` (every name below it) or `hooks.example.org`. */
  readonly hosts: readonly string[];
}

export interface MailSettings {
  /** Why nothing may be composed or sent for now, in words; undefined where it may. */
  readonly withheld?: string;
  /** Off: mails are composed and recorded, and nothing is sent. */
  readonly isSent: boolean;
  /** Sender, in the envelope as well: a bare address. */
  readonly from: string;
  /** A tool's mail goes to `<toPrefix>.<tool>@<toDomain>`. */
  readonly toPrefix: string;
  readonly toDomain: string;
  readonly server: string;
  readonly port: number;
  /** Whether a server that offers no STARTTLS is refused; port 465 always speaks TLS. */
  readonly isTlsRequired: boolean;
  /** Connections at once. */
  readonly connections: number;
  /** All tools together send at most `paceMails` in any `paceMs`. */
  readonly paceMails: number;
  readonly paceMs: number;
  /** How long the first event of a quiet tool waits for others. */
  readonly firstMs: number;
  /** At least so long between two mails to a tool. */
  readonly windowMs: number;
  /** Mails to one tool between midnight and midnight UTC; what comes after them waits for the next day. */
  readonly perDay: number;
  /** A job that cannot be started for so long has failed. */
  readonly troubleMs: number;
  /** A continuous job that has run so long has recovered. */
  readonly steadyMs: number;
  /** Lines of output in a mail, of each job. */
  readonly outputLines: number;
}

const yesNo = z.enum(['yes', 'no']).transform((text) => text === 'yes');
const count = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));
const quantity = z.string().regex(/^\d+(\.\d+)?m?$/, 'must be a CPU quantity such as 500m or 1');
const toolNames = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((name) => name !== ''))
  .pipe(z.array(z.string().regex(/^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$/, 'must be a list of tool names')));

const hostPatterns = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((pattern) => pattern !== ''))
  .pipe(
    z.array(
      z
        .string()
        .max(253)
        .regex(
          /^(\*|(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/,
          'must be a list of hosts such as hooks.example.org or *.example.org, or *',
        ),
    ),
  );

/** What stands before the @ of our own addresses: an atom or several with dots between (RFC 5321 4.1.2), which needs no quoting. */
const localPart = /^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*$/;
const mailDomain = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\.[a-z]([-a-z0-9]*[a-z0-9])?$/,
    'must be a domain, not an address',
  );
const mailPrefix = z.string().max(32).regex(localPart, 'must be the beginning of an address, such as tools');
const mailAddress = z
  .string()
  .max(254)
  .refine(
    (text) =>
      localPart.test(text.split('@')[0] ?? '') && mailDomain.safeParse(text.split('@').slice(1).join('@')).success,
    {
      message: 'must be a bare address such as noreply@example.org',
    },
  );

/** The one table that joins key and rule; settingsFrom() joins key and field. */
const liveSchema = z.object({
  debug: yesNo,
  send_emails_for_real: yesNo,
  email_from_addr: mailAddress,
  email_to_prefix: mailPrefix,
  email_to_domain: mailDomain,
  smtp_server_fqdn: mailDomain,
  smtp_server_port: count(1, 65_535),
  smtp_require_tls: yesNo,
  smtp_connections: count(1, 20),
  task_send_emails_max: count(1, 10_000),
  task_send_emails_loop_sleep: count(1, 3_600),
  task_compose_emails_loop_sleep: count(1, 86_400),
  mail_first_seconds: count(0, 3_600),
  mails_per_day_per_tool: count(1, 1_000),
  mail_trouble_seconds: count(1, 86_400),
  mail_steady_seconds: count(1, 86_400),
  mail_output_lines: count(0, 100),
  mount_homes: yesNo,
  run_as_home_owner: yesNo,
  default_cpu_limit: quantity,
  public_domain: z.union([z.literal(''), dnsName]),
  ingress_class: z.union([z.literal(''), dnsName]),
  image_pull_policy: z.enum(['', 'Always', 'IfNotPresent', 'Never']),
  harbor_cache_seconds: count(0, 3_600),
  harbor_timeout_seconds: count(1, 60),
  requests_per_second_per_tool: count(1, 100_000),
  requests_at_once_per_tool: count(1, 10_000),
  requests_at_once: count(1, 100_000),
  streams_at_once_per_tool: count(1, 1_000),
  stream_stall_seconds: count(1, 3_600),
  usage_every_seconds: count(0, 3_600),
  runs_per_job: count(1, 1_000),
  runs_days: count(1, 3_650),
  denied_tools: toolNames,
  webhooks: yesNo,
  webhook_hosts: hostPatterns,
});

/** What a key has that the ConfigMap leaves out. */
export const settingDefaults: Readonly<Record<string, string>> = defaults;

/** Keys of the ConfigMap this release reads. */
export const settingKeys: readonly string[] = Object.keys(liveSchema.shape);

/** Keys of earlier services that mean nothing any more: what they paced is told by a watch now. Accepted with any value. */
export const retiredKeys: readonly string[] = ['task_read_configmap_sleep', 'task_watch_pods_timeout'];

/** The key that somebody probably meant who wrote one that is not read here. */
export function meantSetting(key: string): string | undefined {
  return nearest(key, settingKeys);
}

/**
 * @param raw the `data` of the settings ConfigMap, or {} where there is none
 * @param smtp the servers that may be sent to
 * @returns the settings, and the keys nobody reads here (other programs share the map, so they are no error)
 * @throws AppError `settings.invalid` naming every malformed value at once
 */
export function parseSettings(
  raw: Readonly<Record<string, unknown>>,
  smtp: Pick<Startup['smtp'], 'allow'> = { allow: [] },
): { settings: Settings; unknownKeys: string[] } {
  const { settings, problems } = readSettings(raw, smtp);
  if (problems.length > 0) throw invalid('The settings', problems);
  const known = [...settingKeys, ...retiredKeys];
  return { settings, unknownKeys: Object.keys(raw).filter((key) => !known.includes(key)) };
}

/**
 * Of settings that were good for an earlier release, or with another start-up file, what still is; the rest is as by default. Where that
 * touches who sends mail, to whom and over which server, mail is withheld: what it was sealed with could not be taken back.
 * @returns `good`: the texts that can be used
 */
export function salvageSettings(
  raw: Readonly<Record<string, string>>,
  smtp: Pick<Startup['smtp'], 'allow'>,
): { settings: Settings; good: Readonly<Record<string, string>>; problems: readonly string[] } {
  const { settings, problems, bad } = readSettings(raw, smtp);
  const good = Object.fromEntries(Object.entries(raw).filter(([key]) => !bad.has(key)));
  const withheld = problems.find((problem) => mailKey.test(problem));
  return { settings: withheld ? { ...settings, mail: { ...settings.mail, withheld } } : settings, good, problems };
}

const mailKey = /^(email|smtp|send_emails)_/;

/** Every value that cannot be used has its default in `settings`, its key in `bad`, and its words in `problems`. */
function readSettings(raw: Readonly<Record<string, unknown>>, { allow }: Pick<Startup['smtp'], 'allow'>) {
  const texts = { ...defaults, ...raw };
  const { data, error } = liveSchema.safeParse(texts, { reportInput: true });
  const bad: ReadonlySet<unknown> = new Set(error?.issues.map(({ path }) => path[0]));
  const isUsual = ([key]: [string, string]) => bad.has(key);
  const usable =
    data ?? liveSchema.parse({ ...texts, ...Object.fromEntries(Object.entries(defaults).filter(isUsual)) });
  const settings = settingsFrom(usable);
  const unlisted = serverKeys.some((key) => bad.has(key)) ? undefined : serverProblem(settings.mail, allow);
  return { settings, bad, problems: [...(error ? problemsOf(error) : []), ...(unlisted ? [unlisted] : [])] };
}

const serverKeys = ['send_emails_for_real', 'smtp_server_fqdn', 'smtp_server_port'];

const usualPorts: readonly number[] = [25, 465, 587];

/** Who does not send needs no server. */
function serverProblem({ isSent, server, port }: MailSettings, allow: Startup['smtp']['allow']): string | undefined {
  if (!isSent) return undefined;
  const listed = allow.filter(({ host }) => host === server);
  if (listed.length === 0)
    return `smtp_server_fqdn: ${server} is not among the servers that smtp.allow of the start-up file names`;
  const isOpen = listed.some(({ port: only }) => (only === undefined ? usualPorts.includes(port) : only === port));
  return isOpen
    ? undefined
    : `smtp_server_port: ${port} is no port of ${server} that smtp.allow of the start-up file opens`;
}

function settingsFrom(data: z.infer<typeof liveSchema>): Settings {
  return {
    logLevel: data.debug ? 'debug' : 'info',
    mountHomes: data.mount_homes,
    runAsHomeOwner: data.run_as_home_owner,
    defaultCpuLimit: data.default_cpu_limit,
    publicDomain: data.public_domain,
    ingressClass: data.ingress_class,
    imagePullPolicy: data.image_pull_policy === '' ? undefined : data.image_pull_policy,
    harborCacheMs: data.harbor_cache_seconds * 1000,
    harborTimeoutMs: data.harbor_timeout_seconds * 1000,
    requestsPerSecondPerTool: data.requests_per_second_per_tool,
    requestsAtOncePerTool: data.requests_at_once_per_tool,
    requestsAtOnce: data.requests_at_once,
    streamsAtOncePerTool: data.streams_at_once_per_tool,
    streamStallMs: data.stream_stall_seconds * 1000,
    runsPerJob: data.runs_per_job,
    runsDays: data.runs_days,
    deniedTools: new Set(data.denied_tools),
    usageEveryMs: data.usage_every_seconds * 1000,
    webhooks: { isOn: data.webhooks, hosts: data.webhook_hosts },
    mail: {
      isSent: data.send_emails_for_real,
      from: data.email_from_addr,
      toPrefix: data.email_to_prefix,
      toDomain: data.email_to_domain,
      server: data.smtp_server_fqdn,
      port: data.smtp_server_port,
      isTlsRequired: data.smtp_require_tls,
      connections: data.smtp_connections,
      paceMails: data.task_send_emails_max,
      paceMs: data.task_send_emails_loop_sleep * 1000,
      firstMs: data.mail_first_seconds * 1000,
      windowMs: data.task_compose_emails_loop_sleep * 1000,
      perDay: data.mails_per_day_per_tool,
      troubleMs: data.mail_trouble_seconds * 1000,
      steadyMs: data.mail_steady_seconds * 1000,
      outputLines: data.mail_output_lines,
    },
  };
}

function invalid(what: string, problems: readonly string[]): AppError {
  return new AppError('settings.invalid', `${what} cannot be used: ${problems.join('; ')}.`, { problems });
}

function problemsOf({ issues }: z.ZodError): string[] {
  return issues.flatMap(wordsOf);
}

/** In our words where zod's speak of its own workings. */
function wordsOf(issue: z.core.$ZodIssue): string[] {
  const at = (...rest: PropertyKey[]) => [...issue.path, ...rest].join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${at(key)}: not a field known here`);
  if (issue.path.length === 0) return [issue.message];
  return [`${at()}: ${issue.code === 'invalid_type' && issue.input === undefined ? 'is missing' : issue.message}`];
}
