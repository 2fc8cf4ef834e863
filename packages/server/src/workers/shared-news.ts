/** The newest change of all workers as one word of shared memory: written before a caller hears of it, read with every verdict. */
import type { News } from '../core/feed.ts';

export type NewsWord = Int32Array<SharedArrayBuffer>;

/** `seq`: the newest change that the store has. Nothing older is news to anybody. */
export function newsWord(seq: number): NewsWord {
  return new Int32Array(new SharedArrayBuffer(4)).fill(seq);
}

export function sharedNews(word: NewsWord): News {
  return {
    announce(seq) {
      let newest = Atomics.load(word, 0);
      while (isLater(seq, newest)) {
        const before = Atomics.compareExchange(word, 0, newest, seq);
        if (before === newest) {
          Atomics.notify(word, 0);
          return;
        }
        newest = before;
      }
    },
    isAfter: (seq) => isLater(Atomics.load(word, 0), seq),
    onNews(listener) {
      const listen = (): void => {
        const { async, value } = Atomics.waitAsync(word, 0, Atomics.load(word, 0));
        const told = (): void => {
          // Before the listener looks: what is announced while it looks is heard next.
          listen();
          listener();
        };
        if (async) void value.then(told);
        else queueMicrotask(told);
      };
      listen();
    },
  };
}

/** Of two numbers, only the low 32 bits are kept: which is later tells their difference, as long as it is below 2^31. */
function isLater(seq: number, than: number): boolean {
  return ((seq - than) | 0) > 0;
}
