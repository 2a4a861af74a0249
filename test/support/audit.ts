/** Who asked the API server for what, from its own audit log. */
import { readFile } from 'node:fs/promises';
import type { Cluster } from '../cluster/cluster.ts';

export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string; readonly groups: readonly string[] };
  readonly impersonatedUser?: { readonly username: string; readonly groups: readonly string[] };
  readonly userAgent?: string;
  readonly objectRef?: { readonly namespace?: string; readonly resource?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
}

/** Every event so far; a last line that is being written is left for the next time. */
export async function readAudit(cluster: Cluster): Promise<AuditEvent[]> {
  const text = await readFile(cluster.auditLog, 'utf8');
  const lines = text.slice(0, text.lastIndexOf('\n')).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as AuditEvent);
}
