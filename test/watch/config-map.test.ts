import { afterEach, describe, expect, it } from 'vitest';
import type { ConfigMapSeen } from '../../src/domain.ts';
import { createLog } from '../../src/log.ts';
import { type ConfigMapWatch, watchConfigMap } from '../../src/watch/config-map.ts';
import { until } from '../support/sandbox.ts';
import { createBody, createScriptedKube } from '../support/scripted-kube.ts';

let watch: ConfigMapWatch;
afterEach(() => watch.stop());

const map = (version: string, data?: Record<string, unknown>) => ({
  metadata: { name: 'settings', namespace: 'jobs-emailer', uid: 'u-1', resourceVersion: version },
  data,
});

function start() {
  const kube = createScriptedKube();
  const seen: (ConfigMapSeen | undefined)[] = [];
  watch = watchConfigMap(kube, {
    namespace: 'jobs-emailer',
    name: 'settings',
    onMap: (one) => void seen.push(one),
    log: createLog({ level: 'silent' }),
    random: () => 0,
  });
  return { kube, seen };
}

describe('one ConfigMap', () => {
  it('is asked for by its name, and told as it is at the start and after every change', async () => {
    const { kube, seen } = start();
    const list = await kube.nextRequest();
    expect(list.request).toMatchObject({
      path: '/api/v1/namespaces/jobs-emailer/configmaps',
      query: { fieldSelector: 'metadata.name=settings' },
    });
    list.answer({ metadata: { resourceVersion: '10' }, items: [map('9', { debug: 'yes', number: 5 })] });
    const stream = await kube.nextStream();
    expect(stream.request.query).toMatchObject({ fieldSelector: 'metadata.name=settings', watch: true });
    const body = createBody();
    stream.answer(body);
    body.send({ type: 'MODIFIED', object: map('11') });
    body.send({ type: 'DELETED', object: map('12') });
    await until(() => seen.length === 3, 'all are told');
    expect(seen).toEqual([
      { data: { debug: 'yes' }, resourceVersion: '9', uid: 'u-1' },
      { data: {}, resourceVersion: '11', uid: 'u-1' },
      undefined,
    ]);
  });

  it('that does not exist is told as none', async () => {
    const { kube, seen } = start();
    (await kube.nextRequest()).answer({ metadata: { resourceVersion: '10' }, items: [] });
    await until(() => seen.length > 0, 'it is told');
    expect(seen).toEqual([undefined]);
  });
});
