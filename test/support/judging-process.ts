/** A service that asks its verifier for one verdict after another, and tells whenever the verdict changes, it was paused, or it lost the feed. */
import { setTimeout as rest, setImmediate as turnOver } from 'node:timers/promises';
import { circumstances, createVerifier } from '@tessera/verify';
import { now } from '../everywhere/history.ts';
import { bearer } from './verifier.ts';

export interface JudgingOrder {
  readonly url: string;
  readonly token: string;
  readonly judged: string;
  readonly stalenessMs: number;
  /**
   * `never`: many without a turn of the event loop, so that most pauses hit between two of them, and what follows has read nothing.
   * `always`: one after each rest, so that most pauses hit a process that waits for its connections, and reads them first when it goes on.
   */
  readonly rests: 'never' | 'always';
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
  /** Whether the feed had ended before it was asked for: everything that it ever brought was read then. */
  readonly isLost: boolean;
}

/** Longer than anything but a pause of the whole process. */
const PAUSE_MS = 1000;
const REST_MS = 20;

process.once('message', (order: JudgingOrder) => void judge(order));

async function judge({ url, token, judged, stalenessMs, rests }: JudgingOrder): Promise<void> {
  let isLost = false;
  const verifier = createVerifier({
    url,
    token,
    audience: 'default',
    stalenessMs,
    onEvent({ type }) {
      if (type !== 'error') isLost = type === 'lost';
    },
  });
  await verifier.ready();
  const presented = bearer(judged);
  let last = '';
  let wasLost = false;
  let askedAt = now();
  for (;;) {
    for (let time = 0; time < (rests === 'never' ? 1000 : 1); time += 1) {
      const before = askedAt;
      // A pause from here on may hit a verdict half-way, which is then one of before the pause: the next is the first after it.
      askedAt = now();
      const pausedMs = askedAt - before;
      const asked = { askedAt, pausedMs, isLost };
      const verdict = verifier.verify(presented, { circumstances: circumstances() });
      const { lagSeconds } = verifier.metrics();
      const { code } = verdict instanceof Promise ? await verdict : verdict;
      if (code !== last || pausedMs > PAUSE_MS || asked.isLost !== wasLost)
        process.send?.({ ...asked, code, atOnce: !(verdict instanceof Promise), lagSeconds } satisfies Judged);
      last = code;
      wasLost = asked.isLost;
    }
    await (rests === 'never' ? turnOver() : rest(REST_MS));
  }
}
