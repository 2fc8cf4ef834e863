/** When an attempt that failed is made again, how long to wait before, and when to give up. */
import type { Settings } from './client-options.ts';
import { TesseraError } from './tessera-error.ts';

const BASE_DELAY_MS = 200;
const MAX_DELAY_MS = 5_000;

/** Refused before anything was carried out: any call may be sent again. */
const NOT_BEGUN: ReadonlySet<number> = new Set([408, 429]);
/** Perhaps carried out, perhaps not: 502 and 504 are a proxy's word on a server that it lost. */
const LEFT_OPEN: ReadonlySet<number> = new Set([502, 503, 504]);

export interface Retried {
  readonly settings: Settings;
  /** Whether the call may be sent again although it may have been carried out. */
  readonly repeatable: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes `attempt` until it succeeds, fails for good, `settings.retries` are spent, or the next one would begin after
 * `settings.deadlineMs`; throws the last error. An attempt gets the milliseconds that it may take.
 */
export async function withRetries<T>(
  attempt: (timeoutMs: number) => Promise<T>,
  { settings, repeatable, signal }: Retried,
): Promise<T> {
  const end = settings.now() + settings.deadlineMs;
  // Read before it begins, the clock would take a moment from the first attempt, and its error would tell an odd number.
  let left = settings.deadlineMs;
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt(Math.max(1, Math.min(settings.timeoutMs, left)));
    } catch (error) {
      if (failures >= settings.retries || !mayRepeat(error, repeatable)) throw error;
      const delay = retryDelay(error, failures);
      if (delay >= Math.ceil(end - settings.now())) throw error;
      await settings.pause(delay, signal);
      left = Math.ceil(end - settings.now());
    }
  }
}

/** Whether the failure passes by itself, and sending the call again can do no harm. */
export function mayRepeat(error: unknown, repeatable: boolean): error is TesseraError {
  if (!(error instanceof TesseraError)) return false;
  const { kind, code, status = 0 } = error;
  if (NOT_BEGUN.has(status) || code === 'overloaded') return true;
  if (!repeatable) return false;
  // A connection that broke may have left the first attempt running under the same key.
  return kind === 'network' || kind === 'timeout' || code === 'idempotency_in_flight' || LEFT_OPEN.has(status);
}

/** Milliseconds to wait before the next attempt: never earlier than the server asked, and never together with others. */
export function retryDelay(error: TesseraError, failures: number, random: () => number = Math.random): number {
  if (error.retryAfterSeconds !== undefined)
    return error.retryAfterSeconds * 1000 + Math.round(random() * BASE_DELAY_MS);
  return backoff(failures, random);
}

/** Full jitter: anything up to a bound that doubles, so that clients that failed together do not return together. */
export function backoff(failures: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** failures));
}
