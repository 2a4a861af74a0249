import { expect, it } from 'vitest';
import { type ErrorCode, errorTable } from '../../../src/errors.ts';
import { failuresOf, ofNoRoute, ofRoutes } from '../../../src/server/openapi/failures.ts';
import { createRoutes } from '../../../src/server/routes.ts';
import { scriptDeps } from '../scripted-deps.ts';

const routes = createRoutes(scriptDeps());
const codesOf = (method: string, path: string) => {
  const route = routes.find((one) => one.method === method && one.path === path);
  if (!route) throw new Error(`there is no ${method} ${path}`);
  return [...failuresOf(route).values()].flat();
};

it('names every code that reaches a client, once, as one of some routes or of none', () => {
  const answered = (Object.keys(errorTable) as ErrorCode[]).filter((code) => errorTable[code].http > 0);
  expect([...ofRoutes, ...ofNoRoute].sort()).toEqual(answered.sort());
});

it('tells what a route can meet from what it does', () => {
  expect(codesOf('GET', '/v1/tool/:tool/jobs')).not.toContain('job.not_found');
  expect(codesOf('GET', '/v1/tool/:tool/jobs/:name')).toContain('job.not_found');
  expect(codesOf('GET', '/v1/tool/:tool/jobs/:name')).not.toContain('kube.state_unknown');
  expect(codesOf('DELETE', '/v1/tool/:tool/jobs')).toContain('kube.state_unknown');
  expect(codesOf('POST', '/v1/tool/:tool/jobs')).toContain('image.unknown');
  expect(codesOf('POST', '/v1/tool/:tool/jobs/:name/restart')).toContain('job.not_restartable');
});

it('leaves out what a route does not have', () => {
  expect(codesOf('DELETE', '/api/v1/delete/:name')).not.toContain('job.not_found');
});

it('is by status, in the dialect of the route', () => {
  const [route] = routes;
  if (!route) throw new Error('there are no routes');
  const statuses = [...failuresOf(route).keys()];
  expect(statuses).toEqual([...statuses].sort((one, other) => one - other));
  expect(failuresOf(route).get(429)).toEqual(['caller.too_many']);
});
