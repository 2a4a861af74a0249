/**
 * Two kinds of settings. The start-up file (YAML, read once) says where things are: listeners, identity, paths, CAs; it never changes while
 * running. Everything else are live settings: strings in a ConfigMap, filled up from config/defaults.json, read through a holder at the
 * moment of use. docs/settings.md is held to both tables by a test.
 */
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import defaults from '../config/defaults.json' with { type: 'json' };
import { AppError } from './errors.ts';

const port = z.number().int().min(0).max(65_535);
const absolutePath = z.string().regex(/^\/[^\0]*$/, 'must be an absolute path');
const dnsName = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a Kubernetes name');
const named = z.strictObject({ namespace: dnsName, name: dnsName });

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
      base: absolutePath.default('/data/project'),
      /** Where pods see them. */
      mount: absolutePath.default('/data/project'),
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
  /** What is kept over a restart; one process at a time. */
  state_dir: absolutePath.default('/var/lib/toolforge-jobs'),
  /** What stands before `/api/v1` in the dialect of October 2023. */
  october_base: z
    .string()
    .regex(/^(\/[a-z0-9-]+)+$/, 'must be a path such as /jobs')
    .default('/jobs'),
  configmaps: z
    .strictObject({
      settings: named.default({ namespace: 'jobs-emailer', name: 'jobs-emailer-configmap' }),
      images: named
        .extend({ key: z.string().min(1) })
        .default({ namespace: 'tf-public', name: 'image-config', key: 'images-v1.yaml' }),
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
  if (!parsed.success) throw invalid('The start-up file', parsed.error);
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
  /** Tools that may not use the service, whatever their certificate says. */
  readonly deniedTools: ReadonlySet<string>;
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

/** The one table that joins key and rule; settingsFrom() joins key and field. */
const liveSchema = z.object({
  debug: yesNo,
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
  denied_tools: toolNames,
});

/** Keys of the ConfigMap this release reads. */
export const settingKeys: readonly string[] = Object.keys(liveSchema.shape);

/**
 * @param raw the `data` of the settings ConfigMap, or {} where there is none
 * @returns the settings, and the keys nobody reads here (other programs share the map, so they are no error)
 * @throws AppError `settings.invalid` naming every malformed value at once
 */
export function parseSettings(raw: Readonly<Record<string, unknown>>): { settings: Settings; unknownKeys: string[] } {
  const parsed = liveSchema.safeParse({ ...defaults, ...raw }, { reportInput: true });
  if (!parsed.success) throw invalid('The settings', parsed.error);
  const unknownKeys = Object.keys(raw).filter((key) => !settingKeys.includes(key));
  return { settings: settingsFrom(parsed.data), unknownKeys };
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
    deniedTools: new Set(data.denied_tools),
  };
}

/** Where everybody reads the settings of the moment; nobody keeps a copy. */
export interface SettingsHolder {
  current(): Settings;
  replace(next: Settings): void;
}

export function createSettingsHolder(first: Settings): SettingsHolder {
  let settings = first;
  return {
    current: () => settings,
    replace(next) {
      settings = next;
    },
  };
}

function invalid(what: string, { issues }: z.ZodError): AppError {
  const problems = issues.flatMap(problemsOf);
  return new AppError('settings.invalid', `${what} cannot be used: ${problems.join('; ')}.`, { problems });
}

/** In our words where zod's speak of its own workings. */
function problemsOf(issue: z.core.$ZodIssue): string[] {
  const at = (...rest: PropertyKey[]) => [...issue.path, ...rest].join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${at(key)}: not a field known here`);
  if (issue.path.length === 0) return [issue.message];
  return [`${at()}: ${issue.code === 'invalid_type' && issue.input === undefined ? 'is missing' : issue.message}`];
}
