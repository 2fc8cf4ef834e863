/** Every verdict is recorded once: counted for its token, and in the metrics. The secret is in neither. */
import type { TokenFacts, Verdict } from '@tessera/verify';
import type { DoorCall, Recorder } from './door-ports.ts';
import type { Usage } from './usage.ts';

export interface RecorderOptions {
  readonly usage: Pick<Usage, 'count'>;
  /** Counts a verdict by door and code; no token, owner or path is a label. */
  readonly counted: (door: DoorCall['door'], code: Verdict['code']) => void;
  /** Hears of every refusal, for the log. */
  readonly refused: (refusal: {
    readonly door: DoorCall['door'];
    readonly route: string | undefined;
    readonly code: string;
    readonly token: string | undefined;
  }) => void;
}

export function recorder({ usage, counted, refused }: RecorderOptions): Recorder {
  return {
    verdict(verdict, { door, route }) {
      counted(door, verdict.code);
      if (verdict.principal !== undefined) usage.count(verdict.valid, verdict.principal as TokenFacts);
      if (!verdict.valid) refused({ door, route, code: verdict.code, token: verdict.principal?.id });
    },
  };
}
