import { describe, expect, it } from 'vitest';
import { parseDefinition } from '../../../src/definition/definition.ts';
import { partsOf } from '../../../src/definition/parts.ts';
import type { MailLogRow } from '../../../src/domain.ts';
import { renderMailLogRow } from '../../../src/server/dialects/mail-log-row.ts';
import { listMailLog } from '../../../src/server/handlers/mail-log.ts';
import { alpha, beta, scriptDeps } from '../scripted-deps.ts';

const at = Date.parse('2026-03-01T04:20:12Z');
const row = (id: string, jobName = 'daily'): MailLogRow => ({
  id,
  at,
  jobType: 'scheduled',
  jobName,
  kind: 'failed',
  reason: 'exit_code',
  state: 'withheld',
  since: at,
  why: 'failure 2 in a row',
  messageId: undefined,
});

function deps() {
  const script = scriptDeps();
  script.mailed.set('alpha', [row('a'), row('b', 'weekly'), ...Array.from({ length: 100 }, (_, at) => row(`c-${at}`))]);
  return script;
}

const ids = async (query: Record<string, unknown>) => (await listMailLog(alpha, query, deps())).map(({ id }) => id);

describe('the mail log of a tool', () => {
  it('is the newest fifty events, or as many as are asked for', async () => {
    expect((await ids({})).length).toBe(50);
    expect(await ids({ limit: '2' })).toEqual(['a', 'b']);
    expect((await ids({ limit: '1000' })).length).toBe(102);
  });

  it.each(['changed', 'deleted'] as const)('of a job tells of the parts it had before it was %s', async (reason) => {
    const script = scriptDeps();
    const definition = parseDefinition({
      ...{ name: 'daily', cmd: './run.sh', imagename: 'bookworm', schedule: '0 6 * * *' },
      matrix: { WIKI: ['frwiki', 'dewiki'] },
    });
    const [first, second] = partsOf(definition).map(({ name }) => name);
    script.keptFormer.set('alpha', [
      { at, reason, definition },
      { at, reason, definition: { ...definition, name: 'other' } },
    ]);
    script.mailed.set('alpha', [row('a', first), row('b', second), row('c', 'other-frwiki'), row('d', 'weekly')]);
    const found = async (job: string) => (await listMailLog(alpha, { job }, script)).map(({ id }) => id);
    expect(await found('daily')).toEqual(['a', 'b']);
    expect(await found(second ?? '')).toEqual(['b']);
  });

  it('is of one job where that is asked for', async () => {
    expect(await ids({ job: 'weekly' })).toEqual(['b']);
    expect(await ids({ job: 'nothing' })).toEqual([]);
  });

  it.each(['0', '1001', '-1', 'all', '1e3', '5.5'])('is refused for the limit %j', async (limit) => {
    await expect(ids({ limit })).rejects.toMatchObject({ code: 'request.invalid', fields: { field: 'limit' } });
  });

  it('is that of the caller only', async () => {
    expect(await listMailLog(beta, {}, deps())).toEqual([]);
  });

  it('says what became of an event in words', () => {
    expect(renderMailLogRow(row('a'))).toEqual({
      job: 'daily',
      job_type: 'scheduled',
      happened: '2026-03-01T04:20:12Z',
      event: 'failed',
      reason: 'exit_code',
      via: 'mail',
      state: 'withheld',
      since: '2026-03-01T04:20:12Z',
      message_id: null,
      message: 'not mailed: failure 2 in a row',
    });
    expect(renderMailLogRow({ ...row('a'), state: 'sent', why: undefined }).message).toBe(
      'mailed on 2026-03-01 at 04:20 UTC',
    );
  });

  it('says so of a webhook in the words of a webhook', () => {
    const told = { ...row('a'), via: 'webhook', why: undefined } as const;
    const message = (state: MailLogRow['state'], why?: string) => renderMailLogRow({ ...told, state, why }).message;
    expect(message('sent')).toBe('told to the webhook on 2026-03-01 at 04:20 UTC');
    expect(message('dropped', 'it answered with 500')).toBe('given up: it answered with 500');
    expect(renderMailLogRow({ ...told, state: 'sent' }).via).toBe('webhook');
  });
});
