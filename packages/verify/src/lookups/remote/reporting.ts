/** Once a second: what was counted here, and how far the feed was followed, are told to the server. */
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
  /** Ends the timer, and sends what is left for at most so many milliseconds. */
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
  let isTelling = false;
  let timer: ReturnType<typeof setInterval> | undefined;

  const tellPosition = async (): Promise<void> => {
    const seq = position;
    if (seq === undefined || isTelling) return;
    if (seq === told && monotonic() - toldAt < POSITION_EVERY_MS) return;
    isTelling = true;
    try {
      await calls.postAgain('/v1/positions', { verifier, seq });
      told = seq;
      toldAt = monotonic();
    } catch (error) {
      onError(error);
    } finally {
      isTelling = false;
    }
  };

  return {
    reached(seq) {
      position = seq;
    },
    start() {
      timer = setInterval(() => {
        void tellPosition();
        void usage.send();
      }, EVERY_MS);
    },
    async stop(withinMs) {
      clearInterval(timer);
      let isOver = false;
      const sent = async (): Promise<void> => {
        await usage.send();
        // What was under way took its batch before the last verdicts were counted; or the server was not there.
        while (usage.waiting() > 0 && !isOver) {
          await pause(AGAIN_MS);
          await usage.send();
        }
      };
      await Promise.race([sent(), pause(withinMs)]);
      isOver = true;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
