/** Every verdict is recorded once: counted for its token, and in the metrics. The secret is in neither. */
import type { TokenFacts, Verdict } from '@tessera/verify';
import type { DoorCall, Recorder } from './door-ports.ts';
import type { Usage } from './usage.ts';

export interface RecorderOptions {
  readonly usage: Pick<Usage, 'count'>;
  /** Counts a verdict by door and code; no token, owner or path is a label. */
  readonly counted: (door: DoorCall['door'], code: Verdict['code']) => void;
  /** Hears of every call: who, what, how it ended. */
  readonly seen: (call: DoorCall, verdict: Verdict) => void;
}

export function recorder({ usage, counted, seen }: RecorderOptions): Recorder {
  return {
    verdict(verdict, call) {
      counted(call.door, verdict.code);
      const { principal } = verdict;
      // What the decision was given by our own look-up comes back as it was.
      if (principal !== undefined) usage.count(verdict.valid, principal as TokenFacts);
      seen(call, verdict);
    },
  };
}
