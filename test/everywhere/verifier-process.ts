/** A service that judges by itself, as a process of its own: it is told where the server is, and then tokens, and says what it decides. */
import { circumstances, createVerifier, type RemoteVerifier } from '@tessera/verify';
import { bearer } from '../support/verifier.ts';

/** The first message. */
export interface Following {
  readonly url: string;
  /** A management token with the scope `verify`. */
  readonly token: string;
}

/** Each one after it. */
export interface Question {
  readonly number: number;
  readonly secret: string;
}

export interface Answer {
  readonly number: number;
  /** `ok`, or the code of the denial. */
  readonly code: string;
  /** Of how many limits it is known how they stand. */
  readonly limits: number;
}

process.once('message', (following: Following) => {
  const verifier = createVerifier({ ...following, audience: 'default' });
  process.on('message', (question: Question) => void answer(verifier, question));
  void verifier.ready().then(() => process.send?.('ready'));
});
// Its parent is gone.
process.once('disconnect', () => process.exit());

async function answer(verifier: RemoteVerifier, { number, secret }: Question): Promise<void> {
  const { code, limits } = await verifier.verify(bearer(secret), { circumstances: circumstances() });
  const told: Answer = { number, code, limits: limits.length };
  process.send?.(told);
}
