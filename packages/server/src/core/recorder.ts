/** Every verdict is recorded once: counted for its token, and in the metrics. The secret is in neither. */
import type { Shadowed, TokenFacts, Verdict } from '@tessera/verify';
import type { DoorCall, Recorder } from './door-ports.ts';
import type { Usage } from './usage.ts';

export interface RecorderOptions {
  readonly usage: Pick<Usage, 'count'>;
  /** Counts a verdict by door and code; no token, owner or path is a label. */
  readonly counted: (door: DoorCall['door'], code: Verdict['code']) => void;
  /** Hears how long a decision took, in seconds. */
  readonly took: (door: DoorCall['door'], seconds: number) => void;
  /** Counts a refusal that was not made, since its policy is tried out. */
  readonly shadowed: (door: DoorCall['door'], shadowed: Pick<Shadowed, 'policy' | 'code'>) => void;
  /** Hears of every call: who, what, how it ended. */
  readonly seen: (call: DoorCall, verdict: Verdict) => void;
}

export function recorder({ usage, counted, took, shadowed, seen }: RecorderOptions): Recorder {
  return {
    verdict(verdict, call) {
      counted(call.door, verdict.code);
      if (call.seconds !== undefined) took(call.door, call.seconds);
      if (!verdict.valid) {
        if (call.letThrough === true) shadowed(call.door, { policy: 'route', code: verdict.code });
      } else if (verdict.shadowed.length > 0) for (const one of verdict.shadowed) shadowed(call.door, one);
      const { principal } = verdict;
      // What the decision was given by our own look-up comes back as it was.
      // Usage is of tokens that are kept here; those of other issuers are not.
      if (principal !== undefined && principal.foreign === undefined)
        usage.count(verdict.valid, principal as TokenFacts);
      seen(call, verdict);
    },
  };
}
