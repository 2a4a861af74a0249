import { describe, expect, it } from 'vitest';
import { isSameJob } from '../../src/definition/same-job.ts';
import type { ResolvedJob } from '../../src/domain.ts';
import { makeResolved } from '../support/facts.ts';

const at = (text: string, actual: string) => ({ schedule: { text, actual } });

const wiki = { name: 'WIKI', value: 'frwiki' };
const mode = { name: 'MODE', value: 'fast' };

describe('two jobs', () => {
  it.each<[Partial<ResolvedJob>, Partial<ResolvedJob>]>([
    [{ memory: '512Mi' }, { memory: '0.5Gi' }],
    [{ cpu: '100m' }, { cpu: '0.1' }],
    [{ image: { ...makeResolved().image, aliases: ['x'], state: 'deprecated' } }, {}],
    [at('@daily', '1 2 * * *'), at('@daily', '3 4 * * *')],
    [at('0 0 * * SUN', '0 0 * * sun'), at('0 0 * * sun', '0 0 * * sun')],
    [{ portProtocol: 'udp' }, { portProtocol: 'tcp' }],
    [{ after: ['a', 'b'] }, { after: ['b', 'a'] }],
    [{ variables: [wiki, mode] }, { variables: [mode, wiki] }],
  ])('are the same: %j and %j', (one, other) => {
    expect(isSameJob(makeResolved(one), makeResolved(other))).toBe(true);
  });

  it.each<[Partial<ResolvedJob>, Partial<ResolvedJob>]>([
    [{ memory: '512Mi' }, { memory: '513Mi' }],
    [{ cmd: './a' }, { cmd: './b' }],
    [{ image: { ...makeResolved().image, url: 'other:latest' } }, {}],
    [at('1 2 * * *', '1 2 * * *'), at('3 4 * * *', '3 4 * * *')],
    [at('@daily', '1 2 * * *'), at('@hourly', '1 * * * *')],
    [{ port: 80, portProtocol: 'udp' }, { port: 80 }],
    [{ healthCheck: { type: 'script', script: './ok' } }, {}],
    [{ emails: 'all' }, {}],
    [{ publish: true }, {}],
    [{ type: 'continuous' }, {}],
    [{ after: ['a'] }, {}],
    [{ variables: [wiki] }, {}],
    [{ variables: [wiki] }, { variables: [{ ...wiki, value: 'dewiki' }] }],
    [{ variables: [wiki] }, { variables: [wiki, mode] }],
  ])('differ: %j and %j', (one, other) => {
    expect(isSameJob(makeResolved(one), makeResolved(other))).toBe(false);
  });
});
