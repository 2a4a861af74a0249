/**
 * The account at a registry that `buildah login`, `podman login` or `docker login` have kept (github.com/containers/image,
 * containers-auth.json(5)). Programs that keep passwords elsewhere (`credHelpers`, `credsStore`) are not asked.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../src/errors.ts';
import { recordAt, textAt } from '../../src/fields.ts';
import { splitReference } from '../../src/image-reference.ts';

export interface RegistryAccount {
  /** What the header `authorization` says of it. */
  readonly authorization: string;
  /** Where it stands. */
  readonly file: string;
}

/** Where these programs look, in their order. */
export function accountFiles(env: Readonly<Record<string, string | undefined>>, uid: number): string[] {
  if (env.REGISTRY_AUTH_FILE) return [env.REGISTRY_AUTH_FILE];
  const home = env.HOME || '/';
  return [
    env.XDG_RUNTIME_DIR ? join(env.XDG_RUNTIME_DIR, 'containers/auth.json') : `/run/containers/${uid}/auth.json`,
    join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json'),
    join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json'),
  ];
}

/**
 * @param reference of an image, with its host
 * @returns the first one, of the most specific name in its file; undefined where there is none
 * @throws AppError `settings.invalid` naming a file that is none of the kind
 */
export async function accountAt(reference: string, files: readonly string[]): Promise<RegistryAccount | undefined> {
  for (const file of files) {
    const known = await accountsIn(file);
    const authorization = namesOf(reference)
      .map((name) => known.get(name))
      .find((found) => found !== undefined);
    if (authorization !== undefined) return { authorization, file };
  }
  return undefined;
}

/** `r.example.org/a/b` may have an account of its own, one for all of `a`, or that of the registry. */
function namesOf(reference: string): string[] {
  const { host = '', path } = splitReference(reference);
  const parts = [host, ...path.split('/')];
  return parts.map((_, at) => parts.slice(0, parts.length - at).join('/'));
}

async function accountsIn(file: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return '{}';
    throw new AppError('settings.invalid', `The accounts of registries in ${file} cannot be read.`, { cause });
  });
  const accounts = new Map<string, string>();
  for (const [name, entry] of Object.entries(recordAt(parsed(text, file), 'auths'))) {
    const auth = textAt(entry, 'auth') ?? '';
    if (auth === '') continue;
    const [user, password] = Buffer.from(auth, 'base64').toString('utf8').split(/:(.*)/s);
    if (!user || password === undefined)
      throw new AppError('settings.invalid', `In ${file}, 'auth' of '${name}' is no user and password in base64.`);
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    // docker has kept addresses in the place of names.
    accounts.set(name.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, ''), authorization);
  }
  return accounts;
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What JSON.parse says would quote a part of the file.
    throw new AppError('settings.invalid', `The accounts of registries in ${file} are no JSON.`);
  }
}
