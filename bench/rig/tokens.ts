/** The tokens that every bench knows: made from their number, so that no process has to be told them. */
import { hash } from 'node:crypto';
import { checksum, TOKEN_ALPHABET } from '@tessera/token';

const SECRET_LENGTH = 43;

/** The text of token number `index`: well formed, its checksum right. */
export function tokenText(index: number, prefix = 'tsr'): string {
  const body = `${prefix}_live_${secretOf(`${prefix} ${index}`)}`;
  return body + checksum(body);
}

/** As {@link tokenText}, with the last digit of the checksum changed. */
export function wrongChecksum(index: number, prefix: string): string {
  const text = tokenText(index, prefix);
  return text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');
}

/** As long as the ids that the platform gives. */
export function tokenId(index: number): string {
  return `tok_bench${String(index).padStart(21, '0')}`;
}

/** Nobody guesses in a bench: that some digits come up a little more often does not matter here. */
function secretOf(name: string): string {
  let digits = '';
  for (const byte of hash('sha512', name, 'buffer').subarray(0, SECRET_LENGTH)) {
    digits += TOKEN_ALPHABET.charAt(byte % TOKEN_ALPHABET.length);
  }
  return digits;
}
