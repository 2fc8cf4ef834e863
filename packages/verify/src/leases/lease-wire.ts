/** The question for a share of a limit, and its answer: what is not understood grants nothing. */
import type { DigestKey } from '../digest.ts';
import { digestOnWire, recordOf } from '../lookups/remote/wire.ts';
import { UnreadableFacts, whole } from '../lookups/strict-reader.ts';

export interface LeaseQuestion {
  /** Of a secret of the token. */
  readonly digest: DigestKey;
  /** Name of the limit. */
  readonly limit: string;
  /** Requests of cost 1. */
  readonly want: number;
  /** So many or none. */
  readonly atLeast: number;
}

export interface LeaseAnswer {
  /** 0: refused. */
  readonly granted: number;
  /** From when the question was sent. */
  readonly seconds: number;
  /** Of the limit, for everybody, once this was granted. */
  readonly remaining: number;
  readonly resetSeconds: number;
  /** Until `atLeast` would be granted; 0 where it was. */
  readonly retryAfterSeconds: number;
}

/** Undefined: the server gives no share of this, and has to be asked for each verdict. Rejects where it cannot be asked or understood. */
export type AskForLease = (question: LeaseQuestion) => Promise<LeaseAnswer | undefined>;

export interface LeasesOver {
  /** Sends JSON to a path of the server, and resolves to the JSON of its answer. */
  readonly post: (path: string, body: object) => Promise<unknown>;
  /** Whether a rejection of `post` is the server's answer to what was asked. */
  readonly isRefusal: (error: unknown) => boolean;
}

export function leasesOver({ post, isRefusal }: LeasesOver): AskForLease {
  return async ({ digest, ...question }) => {
    const body = { digest: digestOnWire(digest), ...question };
    try {
      return readLease(await post('/v1/leases', body), question);
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
  };
}

/** Members that are not known are passed over: none could widen what was granted. */
function readLease(value: unknown, { want, atLeast }: Omit<LeaseQuestion, 'digest'>): LeaseAnswer {
  const { granted, seconds, state, retryAfterSeconds } = recordOf(value);
  const { remaining, resetSeconds } = recordOf(state);
  const answer: LeaseAnswer = {
    granted: whole(0)(granted, '/granted'),
    seconds: whole(1)(seconds, '/seconds'),
    remaining: whole(0)(remaining, '/state/remaining'),
    resetSeconds: whole(0)(resetSeconds, '/state/resetSeconds'),
    retryAfterSeconds: whole(0)(retryAfterSeconds, '/retryAfterSeconds'),
  };
  const isAnswer = answer.granted === 0 || (answer.granted >= atLeast && answer.granted <= want);
  if (!isAnswer) throw new UnreadableFacts('/granted: must be what was asked for');
  return answer;
}
