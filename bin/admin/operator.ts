/** What the operators' commands share: whose credentials, where things are, and how the result is printed. */
import { dirname, resolve } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { createKube, type Kube } from '../../src/kube.ts';
import { kubeOptionsFromKubeconfig, kubeOptionsOfPod } from '../../src/kubeconfig.ts';
import { startupDefaults } from '../../src/settings.ts';
import { type CommandLine, usage } from '../terminal/arguments.ts';
import { visibleJson } from '../terminal/terminal.ts';
import { readNamed } from './named-file.ts';
import { defaultSettingsMap, type SettingsMap } from './tool-denied.ts';

/** What a command that asks the cluster gets: a connection, where things are, and where to talk. */
export interface Context {
  readonly line: CommandLine;
  readonly kube: Kube;
  readonly server: string;
  readonly ca: string;
  readonly homesBase: string;
  readonly homesMount: string;
  readonly settingsMap: SettingsMap;
  readonly say: (line: string) => void;
  /** The result: JSON where asked for, else the text. */
  readonly print: (value: unknown, text: string) => void;
}

/** @throws AppError `usage.invalid`, `settings.invalid`, and what `use` throws */
export async function withContext<T>(line: CommandLine, use: (context: Context) => Promise<T>): Promise<T> {
  const print = printer(line);
  const { server, ca, credentials } = await credentialsOf(line);
  const kube = createKube({
    server,
    ca,
    credentials,
    userAgent: `toolforge-jobs-admin/${manifest.version}`,
    connections: 4,
  });
  const talk = isJson(line) ? process.stderr : process.stdout;
  try {
    return await use({
      line,
      kube,
      server,
      ca,
      homesBase: directoryOf(line, 'homes-base'),
      homesMount: directoryOf(line, 'homes-mount'),
      settingsMap: settingsMapOf(line),
      say: (text) => void (line.options.has('quiet') || talk.write(`${text}\n`)),
      print,
    });
  } finally {
    await kube.close();
  }
}

/** In a pod, where nothing else is said, those of its service account. */
async function credentialsOf(line: CommandLine): ReturnType<typeof kubeOptionsFromKubeconfig> {
  const file = line.options.get('kubeconfig') ?? process.env.KUBECONFIG;
  if (file) return kubeOptionsFromKubeconfig(await readNamed('The kubeconfig', file), dirname(resolve(file)));
  if (process.env.KUBERNETES_SERVICE_HOST) return kubeOptionsOfPod(process.env);
  throw usage('Say whose credentials to use: --kubeconfig FILE, or set KUBECONFIG.');
}

export function isJson(line: CommandLine): boolean {
  const output = line.options.get('output');
  if (output !== undefined && output !== 'json') throw usage("--output knows 'json' only.");
  return output === 'json';
}

export function printer(line: CommandLine): Context['print'] {
  const json = isJson(line);
  return (value, text) => void process.stdout.write(`${json ? visibleJson(value) : text}\n`);
}

function directoryOf(line: CommandLine, name: string): string {
  const path = line.options.get(name) ?? startupDefaults.homes;
  if (!path.startsWith('/')) throw usage(`--${name} must be an absolute path.`);
  return resolve(path);
}

function settingsMapOf(line: CommandLine): SettingsMap {
  const text = line.options.get('configmap');
  if (text === undefined) return defaultSettingsMap;
  const [, namespace, name] = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(text) ?? [];
  if (!namespace || !name) throw usage('--configmap must be NAMESPACE/NAME.');
  return { namespace, name };
}
