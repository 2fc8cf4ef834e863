/** The key that signs assertions, from its file. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readTextFile } from './config/read-file.ts';
import { StartRefused } from './core/bootstrap.ts';

/** An Ed25519 private key in PKCS #8 and PEM. Throws `StartRefused` for a file that is no such key, or that others can read. */
export function readAssertionKey(path: string): KeyObject {
  const file = readTextFile(path);
  if (!file.ok) throw new StartRefused(`assertionKey: ${path} ${file.message}`);
  if (file.openToOthers) throw new StartRefused(`assertionKey: ${path} can be read by others: chmod 600 it`);
  const key = privateKeyOf(file.text);
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new StartRefused(
    `assertionKey: ${path} does not hold an Ed25519 private key in PEM; \`openssl genpkey -algorithm ed25519\` makes one`,
  );
}

function privateKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    return undefined;
  }
}
