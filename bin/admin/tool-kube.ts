/** The few requests the administrator's commands share. */
import type { KubeObject } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { type Kube, type KubeRequest, kubeStatusOf } from '../../src/kube.ts';
import { fieldManager } from './tool-objects.ts';

/** One line for whoever watches. */
export type Say = (line: string) => void;

const pageSize = 250;

/** Server-side apply: makes it so, and changes nothing when it is so already. */
export async function apply(kube: Kube, path: string, object: KubeObject): Promise<KubeObject> {
  const query = { fieldManager, force: true };
  return (await kube.request({
    method: 'PATCH',
    path,
    query,
    contentType: 'application/apply-patch+yaml',
    body: object,
  })) as KubeObject;
}

/** @returns undefined where there is no such object */
export async function find(kube: Kube, path: string): Promise<KubeObject | undefined> {
  return (await unlessMissing(kube, { method: 'GET', path })) as KubeObject | undefined;
}

/** @returns whether there was something to delete */
export async function remove(kube: Kube, path: string): Promise<boolean> {
  return (await unlessMissing(kube, { method: 'DELETE', path })) !== undefined;
}

export async function listAll(kube: Kube, path: string, query: Record<string, string> = {}): Promise<KubeObject[]> {
  const items: KubeObject[] = [];
  let next = '';
  do {
    const page = (await kube.request({
      method: 'GET',
      path,
      query: { ...query, limit: pageSize, ...(next ? { continue: next } : {}) },
    })) as { items?: KubeObject[]; metadata?: { continue?: string } };
    items.push(...(page.items ?? []));
    next = page.metadata?.continue ?? '';
  } while (next !== '');
  return items;
}

/**
 * Asks until there is an answer, four times a second.
 * @throws AppError `kube.unreachable` naming `what` when there is none in time
 */
export async function waitFor<T>(ask: () => Promise<T | undefined>, what: string, timeoutMs: number): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined) return value;
    if (performance.now() > end)
      throw new AppError('kube.unreachable', `Waited ${Math.round(timeoutMs / 1000)} s in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

export function nameOf(object: KubeObject): string {
  return String((object.metadata as { name?: unknown } | undefined)?.name ?? '');
}

export function namespaceNameOf(object: KubeObject): string {
  return String((object.metadata as { namespace?: unknown } | undefined)?.namespace ?? '');
}

async function unlessMissing(kube: Kube, request: KubeRequest): Promise<unknown> {
  try {
    return await kube.request(request);
  } catch (error) {
    if (kubeStatusOf(error)?.statusCode === 404) return undefined;
    throw error;
  }
}
