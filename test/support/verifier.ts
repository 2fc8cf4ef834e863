/** Asks a verifier as middleware does. */
import { type Circumstances, circumstances, type Verifier } from '@tessera/verify';

/** The code of the verdict on a bearer token, presented from an address of this machine. */
export async function codeOf(verifier: Verifier, token: string, more: Partial<Circumstances> = {}): Promise<string> {
  const presented = { authorization: [`Bearer ${token}`], apiKey: [], query: '' };
  const verdict = await verifier.verify(presented, { circumstances: circumstances({ address: '127.0.0.1', ...more }) });
  return verdict.code;
}
