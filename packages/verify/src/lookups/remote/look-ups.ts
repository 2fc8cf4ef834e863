/** Asks the server for tokens: one question for each digest at a time, and many digests in one call. */
import type { DigestKey } from '../../digest.ts';
import type { TokenFacts } from '../../ports.ts';
import { UnreadableFacts } from '../strict-reader.ts';
import { familiarDigests } from './familiar-digests.ts';
import { lookUpQueue } from './look-up-queue.ts';
import { AnswerTooLong, type ServerCalls, ServerUnavailable } from './server-calls.ts';
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
  /** Digests that may wait at once; and as many again that somebody had before, so that nobody keeps those from being asked for. */
  readonly maxWaiting: number;
  /** How many tokens are expected. */
  readonly maxTokens: number;
  readonly onImports: (imports: readonly ImportedPrefix[]) => void;
}

interface Question {
  readonly digest: DigestKey;
  /** Somebody had it before; or it is none at all, and asks for the rest of the answer. */
  readonly isFamiliar: boolean;
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

export function createLookUps(options: LookUpsOptions): LookUps {
  const { calls, monotonic, joinMs, maxWaiting, maxTokens, onImports } = options;
  const familiar = familiarDigests(maxTokens);
  const waiting = lookUpQueue<Question>();
  /** Questions that are not answered, about digests that are not familiar. */
  let strange = 0;
  const open = new Map<DigestKey, Question>();
  /** Whose answers count. */
  const sent = new Set<readonly Question[]>();
  let underWay = 0;
  let made = 0;
  /** The latest call, by its number, that told what imported tokens look like: an earlier one may be answered after it. */
  let toldBy = 0;
  let isScheduled = false;
  /** Digests of the next call: fewer where the facts of that many make an answer that is too long for the server, or for what is read here. */
  let batch = MOST_DIGESTS;

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
      const isAnswered = ({ digest }: Question): boolean => found.has(digest);
      for (const question of questions.filter(isAnswered)) {
        const facts = found.get(question.digest);
        settle(question);
        if (facts !== undefined) familiar.add(question.digest);
        if (facts instanceof UnreadableFacts) question.answer.reject(facts);
        else question.answer.resolve({ facts, seq });
      }
      const unanswered = questions.filter((question) => !isAnswered(question));
      askAgain(unanswered);
      if (unanswered.length > 0) batch = questions.length - unanswered.length;
      else if (questions.length === batch) batch = Math.min(MOST_DIGESTS, batch + 1);
    } catch (error) {
      if (!sent.has(questions)) return;
      if (error instanceof AnswerTooLong && questions.length > 1) {
        batch = Math.ceil(questions.length / 2);
        askAgain(questions);
        return;
      }
      for (const question of questions) {
        settle(question);
        question.answer.reject(error);
      }
      // Who waits behind a call that was not answered would wait as long again, and for nothing.
      if (error instanceof ServerUnavailable) {
        for (const question of waiting.takeAll()) {
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

  const askAgain = (questions: readonly Question[]): void => {
    for (const question of questions) {
      question.askedAt = undefined;
      waiting.add(question);
    }
  };

  /** Once for each question. */
  const settle = (question: Question): void => {
    if (!question.isFamiliar) strange -= 1;
    // It may have been asked again meanwhile.
    if (open.get(question.digest) === question) open.delete(question.digest);
  };

  const send = (): void => {
    isScheduled = false;
    while (!waiting.isEmpty() && underWay < MOST_CALLS) void ask(waiting.take(batch));
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
    const isFamiliar = digest === NOBODYS || familiar.has(digest);
    if (open.size >= 2 * maxWaiting || (!isFamiliar && strange >= maxWaiting))
      throw new ServerUnavailable('too many tokens wait to be looked up');
    const question: Question = { digest, isFamiliar, answer: Promise.withResolvers<Found>(), askedAt: undefined };
    if (!isFamiliar) strange += 1;
    open.set(digest, question);
    waiting.add(question);
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
      askAgain([...sent].flat());
      sent.clear();
      schedule();
    },
    calls: () => made,
  };
}
