/** Asks a verifier as middleware does. */
import { type Circumstances, circumstances, type Presented, type Verifier } from '@tessera/verify';
import { until } from './until.ts';

/** What a request presents that carries this token and nothing else. */
export function bearer(token: string): Presented {
  return { authorization: [`Bearer ${token}`], apiKey: [], query: '' };
}

/** The code of the verdict on a bearer token, presented from an address of this machine. */
export async function codeOf(verifier: Verifier, token: string, more: Partial<Circumstances> = {}): Promise<string> {
  const asked = { circumstances: circumstances({ address: '127.0.0.1', ...more }) };
  return (await verifier.verify(bearer(token), asked)).code;
}

/** It may have to find its server again first, with pauses of up to five seconds. */
const SOON_MS = 30_000;

/** Resolves when the verdict has this code. */
export async function untilCode(verifier: Verifier, token: string, code: string): Promise<void> {
  await until(
    () => codeOf(verifier, token),
    (found) => found === code,
    SOON_MS,
  );
}
