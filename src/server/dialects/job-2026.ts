import type { JobSnapshot } from '../../domain.ts';
export type Job2026 = object;
export function renderJob2026(s: JobSnapshot, o: { now: number; nextFiringAt: number | undefined }): Job2026 { return { name: s.key.name, ...s.object.job, image: s.object.job?.image.name, status: { short: s.state }, x: o.now, pods: s.pods }; }
export function renderUnresolved2026(s: JobSnapshot): object { return s.object.definition ?? {}; }
