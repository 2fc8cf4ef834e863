/** A service that asks its verifier for one verdict after another, without rest, and tells whenever the verdict changes or it was paused. */
import { setImmediate as turnOver } from 'node:timers/promises';
import { circumstances, createVerifier } from '@tessera/verify';
import { now } from '../everywhere/history.ts';
import { bearer } from './verifier.ts';

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
  /** When it was asked for, in milliseconds on the clock that all processes of the machine share. */
  readonly askedAt: number;
  /** Milliseconds since the one before was asked for. */
  readonly pausedMs: number;
  readonly lagSeconds: number;
}

/** Longer than anything but a pause of the whole process. */
const PAUSE_MS = 1000;

process.once('message', (order: JudgingOrder) => void judge(order));

async function judge({ url, token, judged, stalenessMs }: JudgingOrder): Promise<void> {
  const verifier = createVerifier({ url, token, audience: 'default', stalenessMs });
  await verifier.ready();
  const presented = bearer(judged);
  let last = '';
  let askedAt = now();
  for (;;) {
    // Many without a turn of the event loop: most pauses hit between two of these, and what follows has read nothing.
    for (let time = 0; time < 1000; time += 1) {
      const before = askedAt;
      // A pause from here on may hit a verdict half-way, which is then one of before the pause: the next is the first after it.
      askedAt = now();
      const pausedMs = askedAt - before;
      const verdict = verifier.verify(presented, { circumstances: circumstances() });
      const { lagSeconds } = verifier.metrics();
      const { code } = verdict instanceof Promise ? await verdict : verdict;
      if (code !== last || pausedMs > PAUSE_MS)
        process.send?.({ code, atOnce: !(verdict instanceof Promise), askedAt, pausedMs, lagSeconds } satisfies Judged);
      last = code;
    }
    await turnOver();
  }
}
