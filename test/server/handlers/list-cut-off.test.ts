import { expect, it } from 'vitest';
import { Tool } from '../../../src/domain.ts';
import type { Deps } from '../../../src/server/handlers/deps.ts';
import { createListJobs } from '../../../src/server/handlers/list.ts';
import type { Caller } from '../../../src/server/identify.ts';

const caller = { tool: Tool.of('alpha') } as Caller;

it('renders a list once a second, but anew as soon as the view is cut off or connected again', async () => {
  const jobs: never[] = [];
  let live = true;
  let now = 1_000;
  let rendered = 0;
  const deps = {
    recall: async () => {},
    jobs: { list: () => jobs, freshness: () => ({ synced: true, live, asOf: 0 }) },
    now: () => now,
  } as unknown as Deps;
  const list = createListJobs(deps);
  const form = { name: 'form', write: () => `${++rendered}` };
  expect(await Promise.all([list(caller, form), list(caller, form)])).toEqual(['1', '1']);
  live = false;
  expect(await Promise.all([list(caller, form), list(caller, form)])).toEqual(['2', '2']);
  live = true;
  expect(await list(caller, form)).toBe('3');
  now = 2_000;
  expect(await list(caller, form)).toBe('4');
});
