/** The key that signs assertions, from its file. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { StartRefused } from './core/start-refused.ts';
import { readTextFile } from './read-file.ts';

/** An Ed25519 private key in PKCS #8 and PEM. Throws `StartRefused` for a file that is no such key, or that others can read. */
export function readAssertionKey(path: string): KeyObject {
  const found = findAssertionKey(path);
  if (found.ok) return found.key;
  throw new StartRefused(`assertionKey: ${found.problem}`);
}

/** The same, and does not throw; the problem names the file, and never holds what is in it. */
export function findAssertionKey(
  path: string,
): { readonly ok: true; readonly key: KeyObject } | { readonly ok: false; readonly problem: string } {
  const refused = (why: string): { ok: false; problem: string } => ({ ok: false, problem: `${path} ${why}` });
  const file = readTextFile(path);
  if (!file.ok) return refused(file.message);
  if (file.openToOthers) return refused('can be read by others: chmod 600 it');
  const key = privateKeyOf(file.text);
  if (key?.asymmetricKeyType === 'ed25519') return { ok: true, key };
  return refused('does not hold an Ed25519 private key in PEM; `openssl genpkey -algorithm ed25519` makes one');
}

function privateKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    return undefined;
  }
}
