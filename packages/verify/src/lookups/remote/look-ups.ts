/** Asks the server for tokens: one question for each digest at a time, and many digests in one call. */
import type { DigestKey } from '../../digest.ts';
import type { TokenFacts } from '../../ports.ts';
import { UnreadableFacts } from '../strict-reader.ts';
import { type ServerCalls, ServerUnavailable } from './server-calls.ts';
import { digestOnWire, type ImportedPrefix, readLookedUp } from './wire.ts';

export interface LookUps {
  /** Rejects where the server does not answer, or not so that it can be understood. Throws where too many wait. */
  find(digest: DigestKey): Promise<Found>;
  /** Asks for what imported tokens look like as of now, and nothing else. */
  refresh(): Promise<void>;
  /** What is under way may be answered from a history that is no more: it is asked again, and those answers are passed over. */
  anew(): void;
  /** As `refresh`, for whoever knows nothing of them yet: what was asked before is news as well. */
  begin(): Promise<void>;
  /** Calls made so far. */
  calls(): number;
}

export interface Found {
  readonly facts: TokenFacts | undefined;
  /** Position of the feed that they are at least as new as. */
  readonly seq: number;
}

export interface LookUpsOptions {
  readonly calls: Pick<ServerCalls, 'postAgain'>;
  /** Milliseconds on a clock that never steps and counts while the process is paused. */
  readonly monotonic: () => number;
  /** Whoever asks within so many milliseconds after a question was sent is served by its answer. */
  readonly joinMs: number;
  /** Digests that may wait at once. */
  readonly maxWaiting: number;
  readonly onImports: (imports: readonly ImportedPrefix[]) => void;
}

interface Question {
  readonly digest: DigestKey;
  readonly answer: PromiseWithResolvers<Found>;
  /** Undefined: not sent yet. */
  askedAt: number | undefined;
}

/** Digests of one call, as the contract bounds them. */
const MOST_DIGESTS = 100;
/** Calls under way at once; what comes meanwhile is gathered for the next. */
const MOST_CALLS = 4;
/** A digest that no text is known for: what is asked for where only the rest of the answer is wanted. */
const NOBODYS = '\0'.repeat(32) as DigestKey;

export function createLookUps({ calls, monotonic, joinMs, maxWaiting, onImports }: LookUpsOptions): LookUps {
  const open = new Map<DigestKey, Question>();
  let waiting: Question[] = [];
  /** Whose answers count. */
  const sent = new Set<readonly Question[]>();
  let underWay = 0;
  let made = 0;
  /** The latest call, by its number, that told what imported tokens look like: an earlier one may be answered after it. */
  let toldBy = 0;
  let isScheduled = false;

  const ask = async (questions: readonly Question[]): Promise<void> => {
    underWay += 1;
    made += 1;
    const number = made;
    const askedAt = monotonic();
    for (const question of questions) question.askedAt = askedAt;
    sent.add(questions);
    const digests = questions.map(({ digest }) => digest);
    try {
      const answer = await calls.postAgain('/v1/lookups', { digests: digests.map(digestOnWire) });
      if (!sent.has(questions)) return;
      const { seq, found, imports } = readLookedUp(answer, digests);
      if (number > toldBy) {
        toldBy = number;
        onImports(imports);
      }
      for (const question of questions) {
        const facts = found.get(question.digest);
        settle(question);
        if (facts instanceof UnreadableFacts) question.answer.reject(facts);
        else question.answer.resolve({ facts, seq });
      }
    } catch (error) {
      if (!sent.has(questions)) return;
      for (const question of questions) {
        settle(question);
        question.answer.reject(error);
      }
      // Who waits behind a call that was not answered would wait as long again, and for nothing.
      if (error instanceof ServerUnavailable) {
        for (const question of waiting.splice(0)) {
          settle(question);
          question.answer.reject(error);
        }
      }
    } finally {
      sent.delete(questions);
      underWay -= 1;
      send();
    }
  };

  const settle = (question: Question): void => {
    // It may have been asked again meanwhile.
    if (open.get(question.digest) === question) open.delete(question.digest);
  };

  const send = (): void => {
    isScheduled = false;
    while (waiting.length > 0 && underWay < MOST_CALLS) {
      const questions = waiting.slice(0, MOST_DIGESTS);
      waiting = waiting.slice(MOST_DIGESTS);
      void ask(questions);
    }
  };

  /** Not at once: whoever asks in the same turn goes along. */
  const schedule = (): void => {
    if (isScheduled || underWay >= MOST_CALLS) return;
    isScheduled = true;
    queueMicrotask(send);
  };

  const find = (digest: DigestKey): Promise<Found> => {
    const known = open.get(digest);
    // An answer says how things were when it was asked for: one that was long on its way, or lay unread while the process was paused, serves nobody new.
    if (known !== undefined && (known.askedAt === undefined || monotonic() - known.askedAt <= joinMs))
      return known.answer.promise;
    return askAnew(digest);
  };

  const askAnew = (digest: DigestKey): Promise<Found> => {
    if (open.size >= maxWaiting) throw new ServerUnavailable('too many tokens wait to be looked up');
    const question: Question = { digest, answer: Promise.withResolvers<Found>(), askedAt: undefined };
    open.set(digest, question);
    waiting.push(question);
    schedule();
    return question.answer.promise;
  };

  return {
    find,
    refresh: async () => {
      const known = open.get(NOBODYS);
      // An answer to what was sent already may lack what there is to be heard of now.
      await (known !== undefined && known.askedAt === undefined ? known.answer.promise : askAnew(NOBODYS));
    },
    begin: async () => {
      await find(NOBODYS);
    },
    anew() {
      for (const question of [...sent].flat()) {
        question.askedAt = undefined;
        waiting.push(question);
      }
      sent.clear();
      schedule();
    },
    calls: () => made,
  };
}
