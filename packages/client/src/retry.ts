/** When an attempt that failed is made again, and how long to wait before. */
import type { Reply } from './call-types.ts';
import type { Settings } from './client-options.ts';
import { TesseraError } from './tessera-error.ts';

const BASE_DELAY_MS = 200;
const MAX_DELAY_MS = 5_000;
/** Where the server asks for more patience than this, the caller decides. */
const MAX_RETRY_AFTER_SECONDS = 20;

/** Makes `attempt` until it succeeds, fails for good, or `settings.retries` are spent; throws its last error. */
export async function withRetries(
  attempt: () => Promise<Reply<unknown>>,
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<Reply<unknown>> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      const delay = failures < settings.retries ? retryDelay(error, failures) : undefined;
      if (delay === undefined) throw error;
      await settings.pause(delay, signal);
    }
  }
}

/**
 * Milliseconds to wait before the next attempt; undefined: do not try again. Jittered, so that many clients that failed
 * together do not return together.
 */
export function retryDelay(error: unknown, failures: number): number | undefined {
  if (!(error instanceof TesseraError)) return undefined;
  const backoff = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** failures);
  // A connection that broke may have left the first attempt running under the same key.
  if (error.kind === 'network' || error.code === 'idempotency_in_flight') return jitter(backoff);
  if (error.status !== 429 && error.status !== 503) return undefined;
  if (error.retryAfterSeconds === undefined) return error.status === 503 ? jitter(backoff) : undefined;
  if (error.retryAfterSeconds > MAX_RETRY_AFTER_SECONDS) return undefined;
  // Never earlier than asked.
  return error.retryAfterSeconds * 1000 + jitter(BASE_DELAY_MS);
}

function jitter(milliseconds: number): number {
  return Math.round(milliseconds * (0.5 + Math.random() / 2));
}
