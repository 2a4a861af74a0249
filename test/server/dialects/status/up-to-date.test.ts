import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDefinition, resolveJob } from '../../../../src/definition/definition.ts';
import { fromKubeObject, toKubeObject } from '../../../../src/definition/manifests.ts';
import { isSameJob } from '../../../../src/definition/same-job.ts';
import { type JobDefinition, jobTypes, type ResolvedJob, Tool } from '../../../../src/domain.ts';
import { AppError } from '../../../../src/errors.ts';
import { isUpToDate } from '../../../../src/server/dialects/status/up-to-date.ts';
import { anyBuildInput, anyInput, imageNamed, images } from '../../../support/definitions.ts';
import { makeSnapshot } from '../../../support/facts.ts';

const tool = Tool.of('some-tool');
const homePath = '/data/project/some-tool';
const context = {
  tool,
  homePath,
  owner: { uid: 1, gid: 1 },
  mountHomes: undefined,
  defaultCpuLimit: '1000m',
  imagePullPolicy: undefined,
};

/** What was asked, and the job as it is read back from the object made of it; undefined where the request is refused. */
function throughTheCluster(input: Record<string, unknown>) {
  try {
    const definition = parseDefinition(input);
    const image = imageNamed(definition.image);
    const job = resolveJob(definition, { tool, image, homePath, defaults: { memory: '512Mi', cpu: '100m' } });
    const { kind } = jobTypes[definition.type];
    const object = JSON.parse(JSON.stringify({ kind, ...toKubeObject(job, definition, context) }));
    const read = fromKubeObject(object, { images, homesMount: '/data/project' });
    if ('foreign' in read) throw new Error(read.foreign);
    return { job, read: read.job, definition: read.definition };
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

const upToDate = (job: ResolvedJob, definition: JobDefinition | undefined) =>
  isUpToDate({ ...makeSnapshot().object, job, definition });

describe('a job that nobody touched', () => {
  it.each([
    ['a standard image', anyInput],
    ['the build service', anyBuildInput],
  ])('is up to date and the same as it was asked for, on %s', (_title, anyOf) => {
    fc.assert(
      fc.property(anyOf, (input) => {
        const made = throughTheCluster(input);
        if (!made) return;
        expect([upToDate(made.read, made.definition), isSameJob(made.job, made.read)]).toEqual([true, true]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a job that was changed past this service', () => {
  const { read, definition } = throughTheCluster({
    name: 'web',
    cmd: './run.sh',
    imagename: 'python3.11',
    continuous: true,
    replicas: 2,
    port: 8080,
    memory: '1Gi',
    health_check: { type: 'http', path: '/' },
  }) as NonNullable<ReturnType<typeof throughTheCluster>>;

  it.each<Partial<ResolvedJob>>([
    { cmd: './other.sh' },
    { replicas: 3 },
    { port: 80 },
    { memory: '2Gi' },
    { healthCheck: undefined },
  ])('is not up to date: %j', (change) => {
    expect(upToDate(read, definition)).toBe(true);
    expect(upToDate({ ...read, ...change }, definition)).toBe(false);
  });

  it('is up to date where nobody knows what was asked', () => {
    expect(upToDate({ ...read, replicas: 3 }, undefined)).toBe(true);
  });
});
