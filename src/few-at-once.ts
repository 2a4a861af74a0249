/** Works that may be very many: a few are under way at once, the others wait for their turn in the order in which they came. */

/** @param most that are under way at once. @returns takes a work, which must not reject; never throws and never waits */
export function fewAtOnce(most: number): (work: () => Promise<void>) => void {
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;

  function pump(): void {
    while (running < most) {
      const work = waiting.shift();
      if (!work) return;
      running += 1;
      void work().finally(() => {
        running -= 1;
        pump();
      });
    }
  }

  return (work) => {
    waiting.push(work);
    pump();
  };
}

/** What is asked about each of them, a few at once; the answers in the order of the items. */
export function askFewAtOnce<Item, Answer>(
  items: readonly Item[],
  most: number,
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const inTurn = fewAtOnce(most);
  const answerTo = (item: Item) =>
    new Promise<Answer>((resolve, reject) => inTurn(() => ask(item).then(resolve, reject)));
  return Promise.all(items.map(answerTo));
}
