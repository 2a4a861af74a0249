/** What the killer and the killed have in common: where mail can be cut off, named by what was done last, and what can be done wrong on purpose. */

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

/** What shows that the harness would see a broken promise. */
export type Mistake =
  /** Something is said to be on disk, and written a moment later. */
  | 'acknowledges-first'
  /** A mail is sent whose bytes are in memory alone. */
  | 'sends-unsaved'
  /** A mail that was taken is sent once more. */
  | 'sends-twice';
