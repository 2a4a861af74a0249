/** Where the mail of the daemon can be cut off, named by what it did last. */

/** What the process says, in this order for each event and then for each mail. */
export type Mark = 'ready' | 'event' | 'settled' | 'sealing' | 'sending' | 'taken' | 'recorded' | 'done';

/** Between two marks: an event on its way to disk, one that waits, a mail on its way to disk, to the server, to being known as sent. */
export const gaps = ['event', 'gather', 'seal', 'send', 'record'] as const;
export type CutGap = (typeof gaps)[number];

export const gapAfter: Readonly<Record<Mark, CutGap | undefined>> = {
  ready: undefined,
  event: 'event',
  settled: 'gather',
  sealing: 'seal',
  sending: 'send',
  taken: 'record',
  recorded: 'gather',
  done: undefined,
};
