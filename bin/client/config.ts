/** Where the service is and how to speak to it: settings files of the machine and of the user, the environment, the user's kubeconfig. */
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Account, readAccount } from './account.ts';
import { type Fields, invalidConfig, readConfigFile, readNeededFile, sectionOf, textOf } from './config-file.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export interface ClientConfig extends Account {
  /** `https://host:port/jobs/v1/tool/<tool>`, without a slash at the end. */
  readonly baseUrl: string;
  /** PEM that verifies the service: `jobs.ca_file`, else the kubeconfig's; undefined: what the system trusts. */
  readonly ca: Buffer | undefined;
  /** Where the connection goes, whatever the name in the URL resolves to: `customaddr` of the first clients. */
  readonly address: string | undefined;
  /** For one request. */
  readonly timeoutMs: number;
}

const defaultGateway = 'https://api.svc.tools.eqiad1.wikimedia.cloud:30003';
const defaultEndpoint = '/jobs/v1';
const defaultTimeoutSeconds = 60;
const maxTimeoutSeconds = 86_400;

/**
 * @param cfg a settings file named on the command line: read last, and it must exist
 * @throws AppError `settings.invalid` naming the file and what is wrong with it
 */
export async function readConfig(env: Env, cfg?: string): Promise<ClientConfig> {
  const home = env.HOME || homedir();
  const settings = await readSettings(env, home, cfg);
  const jobs = sectionOf(settings, 'jobs');
  const account = await readAccount(textOf(settings, 'kubeconfig') ?? (env.KUBECONFIG || join(home, '.kube/config')));
  const caFile = textOf(jobs, 'ca_file');
  const gateway = gatewayOf(settings, env);
  return {
    ...account,
    address: addressOf(settings, new URL(gateway).hostname),
    baseUrl: `${gateway}${endpointOf(jobs)}/tool/${account.tool}`,
    ca: caFile === undefined ? account.ca : readNeededFile(caFile, 'jobs.ca_file'),
    timeoutMs: timeoutSecondsOf(jobs) * 1000,
  };
}

/** A later file replaces whole sections of an earlier one. */
async function readSettings(env: Env, home: string, cfg: string | undefined): Promise<Fields> {
  const files = [
    '/etc/toolforge-jobs-framework-cli.cfg',
    '/etc/toolforge/jobs-cli.yaml',
    '/etc/toolforge/common.yaml',
    join(home, '.toolforge.yaml'),
    join(home, '.config/toolforge.yaml'),
    ...(env.XDG_CONFIG_HOME ? [join(env.XDG_CONFIG_HOME, 'toolforge.yaml')] : []),
  ];
  let settings: Fields = {};
  for (const file of files) settings = { ...settings, ...(await readConfigFile(file)) };
  if (cfg === undefined) return settings;
  readNeededFile(cfg, '--cfg');
  return { ...settings, ...(await readConfigFile(cfg)) };
}

function gatewayOf(settings: Fields, env: Env): string {
  const url =
    env.TOOL_TOOLFORGE_API_URL ||
    textOf(sectionOf(settings, 'api_gateway'), 'url') ||
    originOf(settings) ||
    defaultGateway;
  // The certificate is shown to whoever answers, and what is answered is believed.
  if (URL.canParse(url) && new URL(url).protocol === 'https:') return url.replace(/\/+$/, '');
  throw invalidConfig(`The address of the service must begin with https://; '${url}' does not.`);
}

/** Files of the first clients name an API that is not spoken here; the host and port they name still hold. */
function originOf(settings: Fields): string | undefined {
  const url = textOf(settings, 'api_url');
  return url !== undefined && URL.canParse(url) ? new URL(url).origin : url;
}

/** @returns where to connect, if the settings say so of this host */
function addressOf(settings: Fields, host: string): string | undefined {
  const [address, name] = [textOf(settings, 'customaddr'), textOf(settings, 'customfqdn')];
  if (address === undefined || name !== host) return undefined;
  if (isIP(address) > 0) return address;
  throw invalidConfig(`customaddr must be an IP address; '${address}' is not.`);
}

function endpointOf(jobs: Fields): string {
  const path = (textOf(jobs, 'jobs_endpoint') ?? defaultEndpoint).replace(/^\/+|\/+$/g, '');
  return path === '' ? '' : `/${path}`;
}

function timeoutSecondsOf(jobs: Fields): number {
  const seconds = jobs.timeout ?? defaultTimeoutSeconds;
  if (typeof seconds === 'number' && seconds > 0 && seconds <= maxTimeoutSeconds) return seconds;
  throw invalidConfig(`jobs.timeout must be a number of seconds, more than 0 and at most ${maxTimeoutSeconds}.`);
}
