/** Questions and answers between two threads, each bounded in time. */

/** Of each question: what is asked, and what is answered. */
export type Questions = { readonly [Name in string]: { readonly asks: unknown; readonly answers: unknown } };

/** Answers where the other thread may ask. A throw is told as an error with the same message. */
export type Answering<Q extends Questions> = {
  readonly [Name in keyof Q]: (asked: Q[Name]['asks']) => Q[Name]['answers'] | Promise<Q[Name]['answers']>;
};

export interface Conversation<Q extends Questions> {
  /** Rejects with the error that was answered, after `ms` (default 5000) without an answer, and where the other thread is gone. */
  ask<Name extends keyof Q & string>(name: Name, asked: Q[Name]['asks'], ms?: number): Promise<Q[Name]['answers']>;
  /** Asks, and wants no answer. */
  tell<Name extends keyof Q & string>(name: Name, asked: Q[Name]['asks']): void;
  /** The other thread is gone: nothing is answered any more. */
  end(): void;
}

/** What a Worker and the port of its parent have in common. */
export interface Port {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

const PATIENCE_MS = 5000;

interface Question {
  readonly kind: 'question';
  readonly name: string;
  readonly asked: unknown;
  /** Absent: no answer is wanted. */
  readonly id?: number;
}

interface Answer {
  readonly kind: 'answer';
  readonly id: number;
  readonly answer?: unknown;
  /** The message of what was thrown. */
  readonly error?: string;
}

/** `Theirs`: what the other thread answers; `Ours`: what this one does. */
export function converse<Theirs extends Questions, Ours extends Questions>(
  port: Port,
  answering: Answering<Ours>,
): Conversation<Theirs> {
  const waiting = new Map<number, (answer: Pick<Answer, 'answer' | 'error'>) => void>();
  let last = 0;
  let ended = false;

  const answer = async ({ name, asked, id }: Question): Promise<void> => {
    const work = async (): Promise<Pick<Answer, 'answer' | 'error'>> => {
      try {
        return { answer: await answering[name]?.(asked) };
      } catch (error) {
        return { error: error instanceof Error ? error.message : String(error) };
      }
    };
    const answered = await work();
    if (id !== undefined) port.postMessage({ kind: 'answer', id, ...answered } satisfies Answer);
  };

  port.on('message', (message) => {
    // Both ends are ours, and of one version.
    const heard = message as Question | Answer;
    if (heard.kind === 'question') void answer(heard);
    else waiting.get(heard.id)?.(heard);
  });

  return {
    ask(name, asked, ms = PATIENCE_MS) {
      if (ended) return Promise.reject(new Error(`the thread that was asked for ${name} is gone`));
      const id = ++last;
      const { promise, resolve, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => settle({ error: `a thread did not answer ${name} within ${ms} ms` }), ms);
      const settle = ({ answer: given, error }: Pick<Answer, 'answer' | 'error'>): void => {
        clearTimeout(timer);
        waiting.delete(id);
        if (error === undefined) resolve(given as never);
        else reject(new Error(error));
      };
      waiting.set(id, settle);
      port.postMessage({ kind: 'question', name, asked, id } satisfies Question);
      return promise;
    },
    tell: (name, asked) => port.postMessage({ kind: 'question', name, asked } satisfies Question),
    end() {
      ended = true;
      for (const settle of waiting.values()) settle({ error: 'the thread that was asked is gone' });
    },
  };
}
