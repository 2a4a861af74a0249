import { describe, expect, it } from 'vitest';
import { rawRefusal } from '../../src/server/respond.ts';
import { errorAnswer } from '../../src/server/schemas.ts';

describe('bytes that never became a request', () => {
  it.each([
    ['HPE_HEADER_OVERFLOW', 'HTTP/1.1 431 Request Header Fields Too Large', 'request.too_large', 'TJF-V002'],
    ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'HTTP/1.1 413 Payload Too Large', 'request.too_large', 'TJF-V002'],
    ['ERR_HTTP_REQUEST_TIMEOUT', 'HTTP/1.1 408 Request Timeout', 'request.invalid', 'TJF-V001'],
    ['HPE_INVALID_METHOD', 'HTTP/1.1 400 Bad Request', 'request.invalid', 'TJF-V001'],
    ['constructor', 'HTTP/1.1 400 Bad Request', 'request.invalid', 'TJF-V001'],
    [undefined, 'HTTP/1.1 400 Bad Request', 'request.invalid', 'TJF-V001'],
  ])('are answered in the canonical form: %s', (reason, statusLine, code, id) => {
    const [head = '', body = ''] = rawRefusal(reason).split('\r\n\r\n');
    const [first, ...headers] = head.split('\r\n');
    expect(first).toBe(statusLine);
    expect(headers).toEqual([
      'connection: close',
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
    ]);
    expect(errorAnswer.parse(JSON.parse(body))).toEqual({ error: [expect.any(String)], code, id });
  });
});
