import { describe, expect, it } from 'vitest';
import { refusalDetails, refusalInWords } from '../../../../src/server/dialects/status/refusal-words.ts';

const quota = (rest: string) =>
  `Error creating: pods "demo-x7k2p" is forbidden: exceeded quota: tool-alpha, requested: limits.cpu=4${rest}`;

describe('a refusal to make a pod', () => {
  it.each([
    [quota(', used: limits.cpu=1, limited: limits.cpu=2'), 'Unable to start, out of quota for cpu'],
    [
      quota(', limited: requests.memory=1Gi,limits.cpu=2,limits.memory=1Gi'),
      'Unable to start, out of quota for cpu, memory',
    ],
    [quota(', limited: pods=10'), 'Unable to start, out of quota for pods'],
    [quota(', limited: a=1; exceeded quota: b, limited: pods=10'), 'Unable to start, out of quota for pods'],
    [quota(''), 'Unable to start, out of quota'],
    [quota(', limited: '), 'Unable to start, out of quota'],
    [
      'maximum memory usage per Container is 4Gi, but limit is 5Gi',
      'Unable to start: the maximum memory of one job is 4Gi',
    ],
    ['minimum cpu usage per Container is 50m, but request is 1m', 'Unable to start: the minimum cpu of one job is 50m'],
    ['maximum cpu usage per Container is 3', 'Unable to start: the maximum cpu of one job is 3'],
    ['admission webhook "secret.internal" denied the request', 'Unable to start: the cluster refuses to make its pod'],
    ['', 'Unable to start: the cluster refuses to make its pod'],
  ])('%s', (message, words) => {
    expect(refusalInWords(message)).toBe(words);
  });
});

describe('what would fit', () => {
  const full = (requested: string, used: string, limited: string) =>
    `Error creating: pods "x" is forbidden: exceeded quota: tool-a, requested: ${requested}, used: ${used}, limited: ${limited}`;

  it.each([
    [
      full('limits.memory=1Gi', 'limits.memory=7680Mi', 'limits.memory=8Gi'),
      ['memory: 7680Mi of 8Gi are used and this job asks for 1Gi; 512Mi would fit'],
    ],
    [
      full('limits.cpu=1,pods=1', 'limits.cpu=1500m,pods=10', 'limits.cpu=2,pods=10'),
      [
        'cpu: 1500m of 2 are used and this job asks for 1; 500m would fit',
        'pods: 10 of 10 are used and this job asks for 1; nothing fits until another job ends',
      ],
    ],
    [full('a=x', 'a=y', 'a=z'), []],
    ['exceeded quota: b, limited: pods=10', []],
    ['something else', []],
  ])('%s', (message, sentences) => {
    expect(refusalDetails(message)).toEqual(sentences);
  });
});
