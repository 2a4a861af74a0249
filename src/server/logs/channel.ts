/** Many who give, one who takes: who gives waits until it was taken, so that nothing piles up in between. */

export interface Channel<T> extends AsyncIterable<T> {
  /** Resolves when the value was taken, or never will be. */
  put(value: T): Promise<void>;
  /** What was put is still taken; then the iteration ends. */
  end(): void;
  /** The iteration ends now. */
  abort(): void;
}

interface Offer<T> {
  readonly value: T;
  readonly taken: () => void;
}

export function createChannel<T>(): Channel<T> {
  let offers: Offer<T>[] = [];
  let isEnded = false;
  let wake = () => {};

  return {
    put(value) {
      if (isEnded) return Promise.resolve();
      return new Promise((taken) => {
        offers.push({ value, taken });
        wake();
      });
    },
    end() {
      isEnded = true;
      wake();
    },
    abort() {
      isEnded = true;
      for (const { taken } of offers) taken();
      offers = [];
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const offer = offers.shift();
        if (offer) {
          yield offer.value;
          offer.taken();
        } else if (isEnded) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}
