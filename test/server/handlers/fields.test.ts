/** Every field of a job at its bounds, from a request to the object and to what is shown of it. test/flows/fields.test.ts asks the cluster the same. */
import { beforeEach, describe, expect, it } from 'vitest';
import { fromKubeObject } from '../../../src/definition/manifests.ts';
import { jobTypes, type KubeObject } from '../../../src/domain.ts';
import type { AppError } from '../../../src/errors.ts';
import { renderJob2026 } from '../../../src/server/dialects/job-2026.ts';
import { createRunJob } from '../../../src/server/handlers/run.ts';
import { parseSettings } from '../../../src/settings.ts';
import { images, standardImage } from '../../support/definitions.ts';
import { makeSnapshot, now } from '../../support/facts.ts';
import { type FieldRow, fieldTable, leastOf } from '../../support/field-table.ts';
import { alpha, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
beforeEach(() => {
  deps = scriptDeps();
  const limit = { type: 'Container', min: { cpu: '50m', memory: '100Mi' }, max: { cpu: '1', memory: '4Gi' } };
  deps.ranges = [{ spec: { limits: [limit] } }];
});

const image = { name: standardImage.name, alias: 'toolforge-python311', url: standardImage.url };
const table = fieldTable({ home: '/data/project/alpha', image });
const titled = (value: unknown) => JSON.stringify(value).slice(0, 60);
const accepted = table.flatMap((row) => row.accepted.map((one) => ({ ...row, ...one, title: titled(one.value) })));
const refused = table.flatMap((row) => row.refused.map((value) => ({ ...row, value, title: titled(value) })));

function run({ field, type, beside }: FieldRow, value: unknown) {
  const input = { name: 'demo', imagename: image.name, ...leastOf[type], ...beside, [field]: value };
  return createRunJob(deps)(alpha, input);
}

function shownOf(row: FieldRow): Record<string, unknown> {
  const [, , , made] = deps.asked.find(([name]) => name === 'create') ?? [];
  const { kind } = jobTypes[row.type];
  const read = fromKubeObject({ kind, ...(made as KubeObject) }, { images, homesMount: '/data/project' });
  if ('foreign' in read) throw new Error(read.foreign);
  const snapshot = makeSnapshot({ kind, job: read.job });
  const key = { ...snapshot.key, name: read.job.name };
  return { ...renderJob2026({ ...snapshot, key }, { now, nextFiringAt: undefined, trouble: undefined }) };
}

describe('a field of a job', () => {
  it.each(accepted)('is accepted: $field $title ($type)', async (row) => {
    await run(row, row.value);
    expect(shownOf(row)[row.field]).toEqual('shown' in row ? row.shown : row.value);
  });

  it.each(refused)('is refused: $field $title ($type)', async (row) => {
    const error = (await run(row, row.value).catch((thrown: unknown) => thrown)) as AppError;
    expect(error.code).toMatch(/^(job\.invalid|schedule\.invalid|image\.unknown|limits\.exceeded)$/);
    expect([error.message, ...(error.problems ?? [])].map((text) => text.length < 400)).not.toContain(false);
    expect(error.problems?.length ?? 1).toBe(1);
    expect(deps.asked.filter(([name]) => name === 'create')).toEqual([]);
  });

  it('is named with every other one that has a mistake, at once', async () => {
    const wrong = {
      name: 'A',
      cmd: '',
      imagename: 'none-such',
      memory: '5Gi',
      cpu: 'x',
      schedule: '@reboot',
      retry: 9,
    };
    const error = (await createRunJob(deps)(alpha, wrong).catch((thrown: unknown) => thrown)) as AppError;
    expect([error.code, error.problems?.length]).toEqual(['job.invalid', 7]);
    expect(error.problems?.join('\n')).toMatch(
      /No such image 'none-such'[\s\S]*Requested memory 5\.0Gi is over maximum/,
    );
  });

  it('is named with the others also where only the image and the limits show the mistakes', async () => {
    const wrong = { ...leastOf.continuous, name: 'web', imagename: image.name, port: 80, publish: true };
    const more = { mount: 'none', filelog_stdout: '/etc/x', memory: '5Gi' };
    const error = (await createRunJob(deps)(alpha, { ...wrong, ...more }).catch(
      (thrown: unknown) => thrown,
    )) as AppError;
    expect(error.problems).toEqual([
      'Mount type none is only supported for build service images',
      expect.stringMatching(/^filelog_stdout: must be inside the home/),
      expect.stringMatching(/^publish: this installation/),
      'Requested memory 5.0Gi is over maximum allowed per container (4Gi)',
    ]);
  });

  it('has one problem only for one mistake that two rules could name', async () => {
    deps.live = parseSettings({ public_domain: 'tools.example.org' }).settings;
    const problemsOf = async (input: object) => {
      const asked = { name: 'a', imagename: image.name, ...leastOf.continuous, ...input };
      return ((await createRunJob(deps)(alpha, asked).catch((thrown: unknown) => thrown)) as AppError).problems;
    };
    expect(await problemsOf({ name: 'A', port: 80 })).toHaveLength(1);
    expect(await problemsOf({ port: 0, publish: true })).toHaveLength(1);
    expect(await problemsOf({ port: 0, health_check: { type: 'http', path: '/' } })).toHaveLength(1);
    expect(await problemsOf({ health_check: { type: 'http', path: '/' } })).toEqual([
      'Port must be set for HTTP health checks',
    ]);
    expect(await problemsOf({ name: 'so.is.this', port: 80 })).toEqual([
      expect.stringContaining('begins with a letter'),
    ]);
    expect(await problemsOf({ name: '0', port: 80 })).toHaveLength(1);
    expect(await problemsOf({ job_type: 'normal', replicas: 2, port: 80 })).toHaveLength(1);
    expect(await problemsOf({ port: 80, port_protocol: 'udp', publish: true })).toEqual([
      'publish: is for tcp ports only.',
    ]);
  });
});
