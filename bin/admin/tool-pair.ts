/** What the certificate in a home is worth, as the administrator's command sees it. */
import { type Authorities, readAuthorities } from '../../src/authorities.ts';
import type { Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { readPair } from '../../src/homes/home-files.ts';
import { WalkError } from '../../src/homes/home-walk.ts';
import type { Kube } from '../../src/kube.ts';
import { checkLeaf } from '../../src/leaf.ts';
import { find } from './tool-kube.ts';

export interface PairLook {
  /** ms since the epoch, where the pair is good now. */
  readonly ends: number | undefined;
  /** Why it is not. */
  readonly problem: string | undefined;
}

/** The CAs the API server believes for clients, as it publishes them itself; `ca` where it does not say. */
export async function clientAuthorities(kube: Kube, ca: string): Promise<Authorities> {
  const map = await find(kube, '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication');
  const published = (map?.data as Record<string, unknown> | undefined)?.['client-ca-file'];
  return readAuthorities(typeof published === 'string' ? published : ca, 'the CA of the API server');
}

export function lookAtPair(homesBase: string, tool: Tool, authorities: Authorities): PairLook {
  try {
    const { cert, key } = readPair(homesBase, tool.name);
    const { notAfter } = checkLeaf({ tool, cert, key, authorities, now: Date.now() });
    key.fill(0);
    return { ends: notAfter, problem: undefined };
  } catch (error) {
    return { ends: undefined, problem: problemOf(error) };
  }
}

function problemOf(error: unknown): string {
  if (error instanceof AppError) return String(error.fields?.rule ?? error.code);
  if (error instanceof WalkError) return error.code === 'missing' ? 'none yet' : error.message;
  throw error;
}
