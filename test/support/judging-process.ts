/** A service that asks its verifier for one verdict after another, without rest, and tells whenever the verdict changes or it was paused. */
import { setImmediate as turnOver } from 'node:timers/promises';
import { circumstances, createVerifier } from '@tessera/verify';

export interface JudgingOrder {
  readonly url: string;
  readonly token: string;
  readonly judged: string;
  readonly stalenessMs: number;
}

export interface Judged {
  readonly code: string;
  /** Whether it was made from memory, before anything else of this process ran. */
  readonly atOnce: boolean;
  /** Milliseconds since the verdict before. */
  readonly pausedMs: number;
  readonly lagSeconds: number;
}

/** Longer than anything but a pause of the whole process. */
const PAUSE_MS = 1000;

process.once('message', (order: JudgingOrder) => void judge(order));

async function judge({ url, token, judged, stalenessMs }: JudgingOrder): Promise<void> {
  const verifier = createVerifier({ url, token, audience: 'default', stalenessMs });
  await verifier.ready();
  const presented = { authorization: [`Bearer ${judged}`], apiKey: [], query: '' };
  let last = '';
  let at = performance.now();
  for (;;) {
    // Many without a turn of the event loop: most pauses hit between two of these, and what follows has read nothing.
    for (let time = 0; time < 1000; time += 1) {
      const verdict = verifier.verify(presented, { circumstances: circumstances() });
      const now = performance.now();
      const pausedMs = now - at;
      at = now;
      const { lagSeconds } = verifier.metrics();
      const { code } = verdict instanceof Promise ? await verdict : verdict;
      if (code !== last || pausedMs > PAUSE_MS)
        process.send?.({ code, atOnce: !(verdict instanceof Promise), pausedMs, lagSeconds } satisfies Judged);
      last = code;
      if (verdict instanceof Promise) at = performance.now();
    }
    await turnOver();
  }
}
