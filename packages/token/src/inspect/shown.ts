/** What of a header, a claim or a key may be shown: values are the purpose, secrets among them are not. */
import { redact } from '../find.ts';
import { isMembers } from './read-json.ts';

/** Members of private and symmetric keys (RFC 7518 section 6, RFC 9964). */
export const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const;

/** Characters of one value that a sentence quotes. */
const QUOTED_LENGTH = 80;

/** A value of JSON without tokens, signatures and private keys in it. The caller bounds its depth. */
export function shown(value: unknown): unknown {
  if (typeof value === 'string') return shownText(value);
  if (Array.isArray(value)) return value.map(shown);
  if (!isMembers(value)) return value;
  const isKey = typeof value.kty === 'string';
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      shownText(name),
      isKey && PRIVATE_MEMBERS.some((secret) => secret === name) ? '[private]' : shown(member),
    ]),
  );
}

export function shownText(text: string): string {
  const withoutKeys = text.includes('PRIVATE KEY-----') ? '[private key]' : text;
  return withoutSignatures(redact(withoutKeys, () => '[token]'));
}

/** For a sentence: short, and in quotes where it is text. */
export function quoted(value: unknown): string {
  // JSON has no word for what is not finite, and reads 1e400 as that.
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(shown(value)) ?? 'nothing');
  return text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text;
}

/** A signed token without its signature opens nothing, and still says which it was. */
function withoutSignatures(text: string): string {
  if (!text.includes('eyJ')) return text;
  return text
    .split(/([^\w.-]+)/)
    .map((word) => {
      const [header = '', payload, signature] = word.split('.');
      return header.includes('eyJ') && payload !== undefined && signature !== undefined
        ? `${header}.${payload}.[signature]`
        : word;
    })
    .join('');
}
