/** Which errors a route can answer with, told from what it takes: the document need not be kept by hand when a route or a code is added. */
import { AppError, type ErrorCode, errorTable } from '../../errors.ts';
import type { Route } from '../routes/route.ts';

/** Whatever the route: said at the door, or before anything is known. */
const ofEveryRoute: readonly ErrorCode[] = [
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
];

const ofNamedJobs: readonly ErrorCode[] = ['job.not_found'];

/** What a change made as the tool can meet. */
const ofChanges: readonly ErrorCode[] = [
  'home.unavailable',
  'home.refused',
  'credentials.invalid',
  'kube.unreachable',
  'kube.state_unknown',
  'kube.refused',
  'kube.forbidden',
  'kube.conflict',
];

const ofDefinitions: readonly ErrorCode[] = [
  'request.media_type',
  'job.invalid',
  'schedule.invalid',
  'image.unknown',
  'images.unavailable',
  'limits.exceeded',
  'quota.exceeded',
  'job.conflict',
];

/** By HTTP status in the route's dialect, statuses ascending. */
export function failuresOf(route: Route): ReadonlyMap<number, readonly ErrorCode[]> {
  const codes = [
    ...ofEveryRoute,
    ...(route.path.includes(':name') ? ofNamedJobs : []),
    ...(route.method === 'GET' ? [] : ofChanges),
    ...(route.body ? ofDefinitions : []),
  ].filter((code) => !route.without?.includes(code));
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = route.dialect.status(new AppError(code, errorTable[code].hint));
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([one], [other]) => one - other));
}
