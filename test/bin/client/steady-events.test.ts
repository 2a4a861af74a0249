import { describe, expect, it } from 'vitest';
import type { Client } from '../../../bin/client/client.ts';
import { type News, steadyEvents } from '../../../bin/client/steady-events.ts';
import type { ServerSentEvent } from '../../../bin/client/stream-text.ts';
import { AppError } from '../../../src/errors.ts';

const heard = (id: string): ServerSentEvent => ({ event: 'job.changed', data: '{}', id });
const unreachable = new AppError('service.unreachable', 'broken');

/** What each connection gives: events, then perhaps an error. An error alone: it does not begin. */
type Connection = AppError | readonly (ServerSentEvent | AppError)[];

async function follow(...connections: Connection[]) {
  const asked: (string | undefined)[] = [];
  const slept: number[] = [];
  const news: string[] = [];
  const done = new AbortController();
  const client: Pick<Client, 'followEvents'> = {
    async followEvents(_name, position) {
      asked.push(position.id);
      const connection = connections.shift();
      if (connection === undefined) done.abort(new Error('no more connections'));
      if (connection instanceof AppError) throw connection;
      return (async function* () {
        for (const piece of connection ?? []) {
          if (piece instanceof AppError) throw piece;
          position.id = piece.id;
          yield piece;
        }
      })();
    },
  };
  const sleep = async (ms: number) => void slept.push(ms);
  const failure = await (async () => {
    for await (const one of steadyEvents(client, { signal: done.signal, sleep })) news.push(wordOf(one));
  })().catch((error: Error) => error.message);
  return { asked, slept, news, failure };
}

function wordOf(news: News): string {
  if (news.type === 'begun') return news.isResumed ? 'resumed' : 'begun';
  return news.type === 'event' ? String(news.event.id) : `away: ${news.error.message}`;
}

describe('events over connections that break', () => {
  it('go on behind the last one that was heard', async () => {
    const { asked, news, slept } = await follow([heard('1'), heard('2'), unreachable], [heard('3')]);
    expect(asked).toEqual([undefined, '2', '3']);
    expect(news).toEqual(['begun', '1', '2', 'away: broken', 'resumed', '3', expect.stringMatching('away'), 'resumed']);
    expect(slept).toEqual([1_000, 1_000]);
  });

  it('are not resumed where none was heard', async () => {
    expect((await follow([unreachable], [])).news.filter((word) => !word.startsWith('away'))).toEqual([
      'begun',
      'begun',
      'begun',
    ]);
  });

  it('wait longer where the tool has asked too much', async () => {
    expect((await follow(new AppError('caller.too_many', 'slowly'), [])).slept).toEqual([10_000, 1_000]);
  });

  it('end where trying again would not help', async () => {
    const { failure, slept } = await follow([heard('1'), unreachable], new AppError('caller.forbidden', 'not yours'));
    expect({ failure, slept }).toEqual({ failure: 'not yours', slept: [1_000] });
  });
});
