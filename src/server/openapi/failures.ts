/** Which errors a route can answer with, told from what it does: the document need not be kept by hand when a route is added. */
import { AppError, type ErrorCode, errorTable } from '../../errors.ts';
import type { Route } from '../routes/route.ts';

interface Rule {
  readonly codes: readonly ErrorCode[];
  /** The routes that can have them. */
  of(route: Route): boolean;
}

/** Every code that reaches a client stands here, or among those of no route. */
const rules: readonly Rule[] = [
  {
    // Said at the door, or before anything is known.
    codes: [
      'request.invalid',
      'caller.no_certificate',
      'caller.bad_header',
      'caller.unauthenticated',
      'caller.forbidden',
      'caller.too_many',
      'request.too_many_headers',
      'request.too_large',
      'view.not_ready',
      'internal',
    ],
    of: () => true,
  },
  { codes: ['job.not_found'], of: ({ path }) => path.includes(':name') },
  { codes: ['logs.none'], of: ({ path }) => path.includes('/logs') },
  { codes: ['run.not_found'], of: ({ path }) => path.includes('/logs') || path.includes('/fences') },
  {
    codes: ['run.superseded', 'job.several_copies', 'state.unwritable'],
    of: ({ path }) => path.includes('/fences'),
  },
  { codes: ['job.not_restartable'], of: ({ path }) => path.includes('/restart') },
  { codes: ['job.not_scheduled'], of: ({ path }) => /\/(?:suspend|resume|run)$/.test(path) && path.includes(':name') },
  { codes: ['job.running'], of: ({ path }) => path.endsWith('/:name/run') },
  {
    // A part of a job is changed with its job only; the clients before know no parts.
    codes: ['job.is_part'],
    of: ({ method, body, dialect }) => dialect.isCurrent && (body !== undefined || method !== 'GET'),
  },
  {
    // What a change made as the tool can meet, and a log read as the tool.
    codes: [
      'home.unavailable',
      'home.refused',
      'credentials.invalid',
      'kube.unreachable',
      'kube.state_unknown',
      'kube.refused',
      'kube.forbidden',
      'kube.conflict',
    ],
    of: ({ method, path }) => !isOfWebhook(path) && (method !== 'GET' || path.includes('/logs')),
  },
  { codes: ['request.media_type'], of: ({ body }) => body !== undefined },
  {
    codes: ['webhook.not_found'],
    of: ({ method, path }) => isOfWebhook(path) && (method === 'DELETE' || method === 'POST'),
  },
  { codes: ['webhook.off'], of: ({ method, path }) => isOfWebhook(path) && (method === 'PUT' || method === 'POST') },
  { codes: ['webhook.not_taken'], of: ({ method, path }) => isOfWebhook(path) && method === 'POST' },
  {
    // What a definition can have wrong.
    codes: [
      'job.invalid',
      'schedule.invalid',
      'image.unknown',
      'images.unavailable',
      'limits.exceeded',
      'quota.exceeded',
      'job.conflict',
      'name.taken',
    ],
    of: ({ path, body }) => body !== undefined && !isOfWebhook(path),
  },
];

/** It is kept by the service, and the cluster knows nothing of it. */
function isOfWebhook(path: string): boolean {
  return path.includes('/webhook');
}

/** Of paths and methods that are no route, and of what only the watches and the commands of operators meet. */
export const ofNoRoute: readonly ErrorCode[] = [
  'route.not_found',
  'request.unsupported',
  'kube.gone',
  'tool.invalid',
  'tool.not_found',
  'mail.not_found',
];

/** Codes that some route can have. */
export const ofRoutes: readonly ErrorCode[] = rules.flatMap(({ codes }) => codes);

/** By HTTP status in the route's dialect, statuses ascending. */
export function failuresOf(route: Route): ReadonlyMap<number, readonly ErrorCode[]> {
  const codes = rules
    .filter((rule) => rule.of(route))
    .flatMap((rule) => rule.codes)
    .filter((code) => !route.without?.includes(code));
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = route.dialect.status(new AppError(code, errorTable[code].hint));
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([one], [other]) => one - other));
}
