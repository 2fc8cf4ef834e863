/** Once a second: what was counted here, and how far the feed was followed, are told to the server; at the end, that nobody is there any more. */
import type { ServerCalls } from './server-calls.ts';
import type { UsageReports } from './usage-reports.ts';

export interface ReportingOptions {
  readonly calls: Pick<ServerCalls, 'postAgain'>;
  readonly usage: Pick<UsageReports, 'send' | 'waiting'>;
  readonly verifier: string;
  readonly monotonic: () => number;
  readonly onError: (error: unknown) => void;
}

export interface Reporting {
  /** Every change up to this position was applied. */
  reached(position: number): void;
  start(): void;
  /** Ends the timer, sends what is left and says goodbye, for at most so many milliseconds. */
  stop(withinMs: number): Promise<void>;
}

const EVERY_MS = 1000;
/** So that the server knows who is there, where nothing changes. */
const POSITION_EVERY_MS = 10_000;
/** Between tries to send what is left at the end. */
const AGAIN_MS = 100;

export function createReporting({ calls, usage, verifier, monotonic, onError }: ReportingOptions): Reporting {
  let position: number | undefined;
  let told: number | undefined;
  let toldAt = 0;
  let telling: Promise<void> | undefined;
  /** Also where no answer came: the server may have heard. */
  let isKnown = false;
  let isOver = false;
  let timer: ReturnType<typeof setInterval> | undefined;

  const tell = async (seq: number): Promise<void> => {
    try {
      await calls.postAgain('/v1/positions', { verifier, seq });
      told = seq;
      toldAt = monotonic();
    } catch (error) {
      onError(error);
    }
    telling = undefined;
  };

  const tellPosition = (): void => {
    if (position === undefined || telling !== undefined) return;
    if (position === told && monotonic() - toldAt < POSITION_EVERY_MS) return;
    isKnown = true;
    telling = tell(position);
  };

  const sendWhatIsLeft = async (): Promise<void> => {
    await usage.send();
    // What was under way took its batch before the last verdicts were counted; or the server was not there.
    while (usage.waiting() > 0 && !isOver) {
      await pause(AGAIN_MS);
      await usage.send();
    }
  };

  /** Nothing is judged here any more: whoever waits until all have confirmed need not wait for this one. */
  const sayGoodbye = async (): Promise<void> => {
    await telling;
    if (isOver || !isKnown) return;
    await calls.postAgain('/v1/positions/withdraw', { verifier }).catch(onError);
  };

  return {
    reached(seq) {
      position = seq;
    },
    start() {
      timer = setInterval(() => {
        tellPosition();
        void usage.send();
      }, EVERY_MS);
    },
    async stop(withinMs) {
      clearInterval(timer);
      const late = Promise.withResolvers<void>();
      const limit = setTimeout(late.resolve, withinMs);
      await Promise.race([sendWhatIsLeft().then(sayGoodbye), late.promise]);
      clearTimeout(limit);
      isOver = true;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
