/** How long commands are waited for whose answers come in order, at the price of two counts for each. */

/** Redis does not answer, or not in time. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway';
}

export interface Patience {
  /** What `command` answers; rejects with RedisAway where that takes too long. */
  wait<T>(command: () => Promise<T>): Promise<T>;
  end(): void;
}

/** Whoever waits hears in four of these to five: within a quarter of a second, with some air for a busy machine. */
const TICK_MS = 40;
const PATIENCE_TICKS = 5;

/** The commands of one tick: those who wait for them hear together that they are late. */
interface Batch {
  /** Commands sent up to its end, and answered at its beginning. */
  sent: number;
  readonly answered: number;
  readonly late: PromiseWithResolvers<never>;
}

/** @param onSilent nothing was answered for as long as anybody waits */
export function patience(onSilent: (error: RedisAway) => void): Patience {
  let sent = 0;
  let answered = 0;
  let timer: NodeJS.Timeout | undefined;
  let batches: Batch[] = [];
  let latest: Batch | undefined;

  const begin = (): Batch => {
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => undefined);
    latest = { sent, answered, late };
    batches.push(latest);
    return latest;
  };
  const rest = (): void => {
    clearInterval(timer);
    timer = undefined;
    batches = [];
    latest = undefined;
  };
  const tick = (): void => {
    if (sent === answered) {
      rest();
      return;
    }
    begin();
    if (batches.length <= PATIENCE_TICKS) return;
    const due = batches.shift();
    // Where this process was held up, what has arrived meanwhile is read first.
    if (due !== undefined && answered < due.sent) setImmediate(giveUp, due, batches[0]?.answered);
  };
  const giveUp = (due: Batch, answeredThen: number | undefined): void => {
    if (answered >= due.sent) return;
    const away = new RedisAway('Redis does not answer');
    due.late.reject(away);
    // What is slow is still asked; of what says nothing, nothing is expected any more.
    if (answered === answeredThen) onSilent(away);
  };

  return {
    wait(command) {
      timer ??= setInterval(tick, TICK_MS).unref();
      const batch = latest ?? begin();
      sent += 1;
      batch.sent = sent;
      const answer = command().finally(() => {
        answered += 1;
      });
      return Promise.race([answer, batch.late.promise]);
    },
    end: rest,
  };
}
