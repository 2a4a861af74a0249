import { describe, expect, it } from 'vitest';
import { failureOf, unreachable } from '../../../bin/client/failures.ts';

describe('an answer that is a refusal', () => {
  it('keep the id of a request that failed on the other side, also where only a header has it', () => {
    const headers = { 'x-request-id': 'header' };
    expect(failureOf(502, 'Bad Gateway', headers).fields).toMatchObject({ request_id: 'header' });
    expect(failureOf(500, JSON.stringify({ error: ['x'], request_id: 'body' }), headers).fields).toMatchObject({
      request_id: 'body',
    });
    expect(failureOf(404, '{}', headers).fields).not.toHaveProperty('request_id');
  });

  it('is the error its body names', () => {
    const body = {
      error: ["Job 'x' does not exist"],
      code: 'job.not_found',
      id: 'TJF-V011',
      fields: { name: 'x', odd: {} },
    };
    expect(failureOf(404, JSON.stringify(body))).toMatchObject({
      code: 'job.not_found',
      message: "Job 'x' does not exist",
      fields: { status: 404, name: 'x' },
      problems: undefined,
    });
  });

  it('keeps all problems, and when to try again', () => {
    const error = failureOf(503, JSON.stringify({ error: ['a', 'b'], code: 'view.not_ready' }), { 'retry-after': '2' });
    expect(error).toMatchObject({
      code: 'view.not_ready',
      problems: ['a', 'b'],
      message: 'a\nb',
      retryAfterSeconds: 2,
    });
  });

  it.each([
    [404, '{"error":"no such job","data":{}}', 'service.refused', 'no such job'],
    [409, '{"message":"exists"}', 'service.refused', 'exists'],
    [422, '{"detail":[{"msg":"bad"}]}', 'service.refused', '{"msg":"bad"}'],
    [400, '"Invalid container type"', 'service.refused', 'Invalid container type'],
    [
      400,
      '<html><head><title>T</title></head><body><h1>400 Bad Request</h1>\n<p>No required SSL certificate was sent</p></body></html>',
      'service.refused',
      '400 Bad Request No required SSL certificate was sent',
    ],
    [502, 'Bad Gateway', 'service.failed', 'Bad Gateway'],
    [502, '', 'service.failed', 'The service answered 502 without saying why.'],
    [500, '{}', 'service.failed', 'The service answered 500 without saying why.'],
    [302, '', 'service.failed', 'The service answered 302 without saying why.'],
    [403, '{"error":["new rule"],"code":"of.the.future"}', 'service.refused', 'new rule'],
    [403, '{"error":["x"],"code":"toString"}', 'service.refused', 'x'],
    [404, 'null', 'service.refused', 'The service answered 404 without saying why.'],
    [404, '[1]', 'service.refused', 'The service answered 404 without saying why.'],
  ])('is understood in older forms: %i %j', (status, text, code, message) => {
    expect(failureOf(status, text)).toMatchObject({ code, message });
  });

  it('never holds a whole foreign page', () => {
    expect(failureOf(500, 'x'.repeat(100_000)).message).toHaveLength(500);
  });
});

describe('a request without an answer', () => {
  const tell = (changes: Partial<Parameters<typeof unreachable>[0]>, code = 'ECONNRESET') =>
    unreachable({
      url: 'https://host:30003/jobs',
      method: 'GET',
      isConnected: true,
      timeoutMs: 60_000,
      cause: Object.assign(new Error('why'), { code }),
      ...changes,
    }).message;

  it('says whether anything can have changed', () => {
    const safe = 'Nothing was changed; trying again is safe.';
    expect(tell({})).toBe(`The connection to the service at host:30003 broke off (ECONNRESET). ${safe}`);
    expect(tell({ method: 'DELETE', isConnected: false }, 'ECONNREFUSED')).toBe(
      `The service at host:30003 could not be reached (ECONNREFUSED). ${safe}`,
    );
    expect(tell({ method: 'POST' })).toContain('It is not known whether anything was changed');
    expect(tell({ method: 'POST' }, 'ABORT_ERR')).toMatch(
      /^The service at host:30003 did not answer within 60 s\. It is not known/,
    );
  });

  it('says that a server could not prove who it is', () => {
    expect(tell({ isConnected: false }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')).toContain(
      'could not prove that it is the service',
    );
  });
});
