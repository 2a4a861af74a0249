import type { JobSnapshot, Tool } from '../../domain.ts';
export function renderJob2022(s: JobSnapshot, o: { tool: Tool; now: number }): object { return { name: s.key.name, status_short: s.state, user: o.tool.name }; }
