import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDefinition, resolveJob } from '../../src/definition/definition.ts';
import {
  annotationNames,
  type FromKube,
  fromKubeObject,
  managedBySelector,
  type ToKubeContext,
  toKubeObject,
  toolSelector,
} from '../../src/definition/manifests.ts';
import { cpuText2026, memoryText2026 } from '../../src/definition/quantity.ts';
import { type JobDefinition, type KubeObject, type ResolvedJob, Tool } from '../../src/domain.ts';
import type { AppError } from '../../src/errors.ts';
import { anyBuildInput, anyInput, imageNamed, images, standardImage } from '../support/definitions.ts';
import observed from '../vectors/observed.json' with { type: 'json' };

const tool = Tool.of('some-tool');
const homePath = '/data/project/some-tool';
const context: ToKubeContext = {
  tool,
  homePath,
  owner: { uid: 52503, gid: 52503 },
  mountHomes: undefined,
  defaultCpuLimit: '1000m',
  imagePullPolicy: undefined,
};
const defaults = { memory: '512Mi', cpu: '100m' };
const kinds = { 'one-off': 'Job', scheduled: 'CronJob', continuous: 'Deployment' } as const;

interface Made {
  readonly definition: JobDefinition;
  readonly job: ResolvedJob;
  readonly object: KubeObject;
}

function make(input: Record<string, unknown>, changes: Partial<ToKubeContext> = {}): Made {
  const definition = parseDefinition(input);
  const job = resolveJob(definition, { tool, image: imageNamed(definition.image), homePath, defaults });
  return { definition, job, object: toKubeObject(job, definition, { ...context, ...changes }) };
}

const plain = { name: 'demo', cmd: './run.sh', imagename: 'python3.11' };
const read = (object: KubeObject) => fromKubeObject(object, { images, homesMount: '/data/project' });

function jobIn(result: FromKube): ResolvedJob {
  if ('foreign' in result) throw new Error(result.foreign);
  return result.job;
}

/** Amounts in the form in which an object holds them. */
const asStored = ({ memory, cpu }: ResolvedJob) => ({ memory: memoryText2026(memory), cpu: cpuText2026(cpu) });

/** As the API server gives it back: the kind, unknown extras, quantities in a form of its own. */
function stored({ job, object }: Made): KubeObject {
  const forms: Record<string, string> = {
    '0.5Gi': '512Mi',
    '1.0Gi': '1Gi',
    '2.5Gi': '2560Mi',
    '0.3Gi': '322122547200m',
    '0.1': '100m',
    '0.5': '500m',
    '0.25': '250m',
    '1.0': '1',
    '1.5': '1500m',
    '3.0': '3',
    '1000m': '1',
  };
  const text = JSON.stringify({ kind: kinds[job.type], ...object }, (key, value) =>
    ['memory', 'cpu'].includes(key) ? (forms[value] ?? value) : value,
  );
  return JSON.parse(text);
}

describe('an object for a job', () => {
  it('carries its labels in the order they always had, on itself and on its pods', () => {
    const { object } = make({ ...plain, schedule: '@daily', emails: 'all' });
    const { metadata, spec } = object as {
      metadata: { labels: object };
      spec: { jobTemplate: { spec: { template: { metadata: { labels: object } } } } };
    };
    expect(Object.entries(metadata.labels)).toEqual([
      ['toolforge', 'tool'],
      ['app.kubernetes.io/managed-by', 'toolforge-jobs-framework'],
      ['app.kubernetes.io/created-by', 'some-tool'],
      ['app.kubernetes.io/version', '2'],
      ['app.kubernetes.io/component', 'cronjobs'],
      ['app.kubernetes.io/name', 'demo'],
      ['jobs.toolforge.org/filelog', 'yes'],
      ['jobs.toolforge.org/emails', 'all'],
      ['toolforge.org/mount-storage', 'all'],
    ]);
    expect(spec.jobTemplate.spec.template.metadata.labels).toEqual(metadata.labels);
  });

  it('is found by its selectors', () => {
    expect(managedBySelector).toBe('app.kubernetes.io/managed-by=toolforge-jobs-framework');
    expect(toolSelector(tool)).toBe(
      'toolforge=tool,app.kubernetes.io/managed-by=toolforge-jobs-framework,app.kubernetes.io/created-by=some-tool',
    );
  });

  it('says in the annotations what was typed', () => {
    const { metadata } = make({ ...plain, schedule: '@daily' }).object as {
      metadata: { annotations: Record<string, string> };
    };
    expect(metadata.annotations['jobs.toolforge.org/cron-expression']).toBe('@daily');
    expect(JSON.parse(metadata.annotations['jobs.toolforge.org/definition'] ?? '')).toEqual({
      v: 1,
      name: 'demo',
      type: 'scheduled',
      cmd: './run.sh',
      image: 'python3.11',
      schedules: [{ text: '@daily' }],
    });
  });

  it('ends a run of a scheduled job after its timeout', () => {
    expect(make({ ...plain, schedule: '@daily', timeout: 60 }).object).toMatchObject({
      spec: { jobTemplate: { spec: { activeDeadlineSeconds: 60 } } },
    });
    expect(JSON.stringify(make({ ...plain, schedule: '@daily' }).object)).not.toContain('activeDeadlineSeconds');
  });

  const podOf = (made: Made) =>
    (
      made.object as {
        spec: { template: { spec: Record<string, unknown> & { containers: Record<string, unknown>[] } } };
      }
    ).spec.template.spec;

  it('tells the job its run by the uid of the pod', () => {
    expect(podOf(make(plain)).containers[0]?.env).toEqual([
      { name: 'TOOLFORGE_RUN_ID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
    ]);
  });

  it('mounts the homes where the cluster does not, for jobs that have one', () => {
    const mountHomes = { hostPath: '/srv/homes', mountPath: '/data/project' };
    const pod = podOf(make(plain, { mountHomes }));
    expect(pod.volumes).toEqual([{ name: 'homes', hostPath: { path: '/srv/homes', type: 'Directory' } }]);
    expect(pod.containers[0]).toMatchObject({
      volumeMounts: [{ name: 'homes', mountPath: '/data/project' }],
      env: [{ name: 'HOME', value: homePath }, {}],
    });
    const without = make({ ...plain, imagename: 'tool-some-tool/c:latest' }, { mountHomes });
    expect(podOf(without).volumes).toBeUndefined();
    expect(podOf(without).containers[0]?.volumeMounts).toBeUndefined();
  });

  it('leaves the user to the cluster where it is told to, and stays without rights', () => {
    const pod = podOf(make(plain, { owner: undefined }));
    expect(pod.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.containers[0]?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: false,
      runAsNonRoot: true,
    });
  });

  it('keeps user and group apart', () => {
    const pod = podOf(make(plain, { owner: { uid: 1, gid: 2 } }));
    expect(pod.securityContext).toMatchObject({ runAsUser: 1, runAsGroup: 2, fsGroup: 2 });
    expect(pod.containers[0]?.securityContext).toMatchObject({ runAsUser: 1, runAsGroup: 2 });
  });

  it('says how images are pulled only where it is told to', () => {
    expect(podOf(make(plain, { imagePullPolicy: 'IfNotPresent' })).containers[0]?.imagePullPolicy).toBe('IfNotPresent');
    expect(podOf(make(plain)).containers[0]).not.toHaveProperty('imagePullPolicy');
  });

  it('stays below 256 KiB at its largest', () => {
    const { object } = make({
      ...plain,
      cmd: '"'.repeat(31_000),
      filelog_stdout: `${`${"'".repeat(250)}/`.repeat(3)}x`,
      schedule: '@daily',
    });
    expect(Buffer.byteLength(JSON.stringify(object))).toBeLessThan(262_144);
  });
});

describe('a job read back', () => {
  it.each([
    ['a standard image', anyInput],
    ['the build service', anyBuildInput],
  ])('is the job that was resolved, on %s', (_title, anyOf) => {
    fc.assert(
      fc.property(anyOf, (input) => {
        let made: Made;
        try {
          made = make(input);
        } catch (error) {
          expect((error as AppError).message).toContain('quote is not closed');
          return;
        }
        expect(read(stored(made))).toEqual({ job: made.job, definition: made.definition });
      }),
      { numRuns: 500 },
    );
  });

  it.each(
    observed.k8s_objects_2026.map(({ in: asked, k8s }) => ({
      asked: asked as Record<string, unknown>,
      object: k8s as KubeObject,
      title: JSON.stringify(asked),
    })),
  )('is the same without the annotation: $title', ({ asked, object }) => {
    const result = read(object);
    const { job } = make(asked);
    // Words of a build-service command are all that is left of how it was typed.
    const cmd =
      job.image.type === 'buildservice' && !job.filelog
        ? job.cmd.replaceAll('"', "'").replace('launcher ', '')
        : job.cmd;
    expect(result).toEqual({ job: { ...job, cmd, ...asStored(job) }, definition: undefined });
  });

  const labels = {
    toolforge: 'tool',
    'app.kubernetes.io/managed-by': 'toolforge-jobs-framework',
    'app.kubernetes.io/created-by': 'some-tool',
    'app.kubernetes.io/name': 'old',
  };
  const old = (command: readonly string[], more: Record<string, string> = {}, containerName = 'old') => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: 'old',
      namespace: 'tool-some-tool',
      labels: { ...labels, 'app.kubernetes.io/version': '1', 'app.kubernetes.io/component': 'jobs', ...more },
    },
    spec: {
      backoffLimit: 1,
      template: {
        spec: {
          containers: [
            { name: 'sidecar', image: 'x' },
            { name: containerName, image: standardImage.url, workingDir: homePath, command },
          ],
        },
      },
    },
  });
  const shell = ['/bin/sh', '-c', '--'];

  it('of 2021 and 2022 is understood in both of its formats', () => {
    const logs = {
      filelog: true,
      filelogStdout: `${homePath}/old.out`,
      filelogStderr: `${homePath}/old.err`,
      cmd: './a; ./b',
      retry: 1,
      emails: 'onfailure',
      mount: 'all',
    };
    const filelog = { 'jobs.toolforge.org/filelog': 'yes', 'jobs.toolforge.org/emails': 'onfailure' };
    expect(jobIn(read(old([...shell, './a; ./b 1>>old.out 2>>old.err'], filelog)))).toMatchObject(logs);
    expect(
      jobIn(
        read(
          old([...shell, 'exec 1>>old.out;exec 2>>old.err;./a; ./b'], {
            ...filelog,
            'jobs.toolforge.org/command-new-format': 'yes',
          }),
        ),
      ),
    ).toMatchObject(logs);
    expect(jobIn(read(old([...shell, './a 1>/dev/null 2>/dev/null'])))).toMatchObject({
      cmd: './a',
      filelog: false,
      filelogStdout: undefined,
    });
  });

  it('of October 2023 is understood, with its mount', () => {
    const more = { 'app.kubernetes.io/version': '2', 'toolforge.org/mount-storage': 'none' };
    expect(jobIn(read(old([...shell, './a'], more, 'job')))).toMatchObject({
      cmd: './a',
      mount: 'none',
      filelog: false,
    });
  });

  it('runs an image that nobody knows any more', () => {
    const object = JSON.parse(
      JSON.stringify(old([...shell, './a'])).replaceAll(standardImage.url, 'gone.example.org/old:1'),
    );
    expect(jobIn(read(object)).image).toMatchObject({ name: 'gone.example.org/old:1', state: 'unknown' });
  });

  it('shows what runs, and beside it what was asked, where the two differ', () => {
    const made = make({ ...plain, memory: '1Gi' });
    const text = JSON.stringify(stored(made))
      .replace(';./run.sh"', ';./other.sh"')
      .replace('"backoffLimit":0', '"backoffLimit":4')
      .replaceAll('"1Gi"', '"3Gi"');
    const result = read(JSON.parse(text));
    expect(jobIn(result)).toMatchObject({ cmd: './other.sh', retry: 4, memory: '3Gi' });
    expect(result).toMatchObject({ definition: { cmd: './run.sh', memory: '1Gi' } });
  });

  it('has no definition where the annotation is about another job or another kind', () => {
    const object = stored(make(plain)) as { metadata: { name: string } };
    expect(read({ ...object, metadata: { ...object.metadata, name: 'other' } })).toMatchObject({
      job: { name: 'other' },
      definition: undefined,
    });
    const annotations = {
      [annotationNames.definition]: JSON.stringify({ v: 1, ...make({ ...plain, continuous: true }).definition }),
    };
    expect(read({ ...object, metadata: { ...object.metadata, annotations } })).toMatchObject({ definition: undefined });
  });

  it('shows the default CPU whatever the limit of the installation was', () => {
    expect(jobIn(read(stored(make(plain, { defaultCpuLimit: '4000m' })))).cpu).toBe('100m');
  });

  it.each([
    ['an empty object', {}],
    ['another kind', { ...old(shell), kind: 'Pod' }],
    ['another namespace', { ...old([...shell, 'x']), metadata: { name: 'a', namespace: 'kube-system' } }],
    ['no containers', { ...old([...shell, 'x']), spec: {} }],
    [
      'a command of another hand',
      old([...shell, 'x'], { 'app.kubernetes.io/version': '2', 'jobs.toolforge.org/filelog': 'yes' }),
    ],
    ['a command that is no text', old([3] as unknown as string[])],
    ['no command', old([])],
    [
      'a CronJob without schedule',
      { ...stored(make({ ...plain, schedule: '@daily' })), spec: { jobTemplate: old([...shell, 'x']) } },
    ],
  ])('is foreign with a reason: %s', (_title, object) => {
    expect(read(object as KubeObject)).toEqual({ foreign: expect.stringMatching(/^It.*\.$/) });
  });

  it('never throws, whatever an object holds', () => {
    fc.assert(fc.property(fc.object({ maxDepth: 6 }), (object) => typeof read(object) === 'object'));
  });

  it('never throws, whatever was changed in a good object', () => {
    const good = [anyInput, anyBuildInput]
      .flatMap((anyOf) => fc.sample(anyOf, { seed: 28, numRuns: 20 }))
      .flatMap((input) => {
        try {
          return [JSON.stringify(stored(make(input)))];
        } catch {
          return [];
        }
      });
    const junk = fc.oneof(
      fc.anything(),
      fc.constantFrom(null, [], {}, '', 0, '__proto__', 'exec 1>>', "exec 1>>'", 'launcher', `${'x'.repeat(70_000)}`),
    );
    fc.assert(
      fc.property(fc.constantFrom(...good), fc.nat(), fc.nat(), junk, junk, (text, first, second, one, other) => {
        const object = JSON.parse(text);
        replaceNth(object, first, one);
        replaceNth(object, second, other);
        const result = read(object);
        expect('foreign' in result ? typeof result.foreign : typeof result.job.cmd).toBe('string');
      }),
      { numRuns: 3000 },
    );
  });
});

/** Puts `value` into one of all the places of `root`. */
function replaceNth(root: object, nth: number, value: unknown): void {
  const places: (() => void)[] = [];
  const walk = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push(() => {
        (node as Record<string, unknown>)[key] = value;
      });
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(root);
  places[nth % places.length]?.();
}
