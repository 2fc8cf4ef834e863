/** What the URL of a PostgreSQL says of TLS: who answers is proved, or the URL says in so many words that it is not. */
import { isForNodes } from './database-url.ts';

const MODE =
  'its sslmode must be verify-full, or require or verify-ca, which mean the same here; else disable, or no-verify';
const UNKNOWN =
  'says of TLS what is not asked here; known are sslmode, sslrootcert, sslcert, sslkey and sslnegotiation, each once';
const WITHOUT = 'says of TLS what is asked beside sslmode=verify-full only';

/** In the words of libpq, that would go on without knowing who answers. */
const PROVING = new Set(['verify-full', 'verify-ca', 'require']);
const OTHER = new Set(['disable', 'no-verify']);
const BESIDE = ['sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation'];

/** Undefined: nothing is wrong. What is not known is refused: it would look like protection, and be none. */
export function databaseTlsFault(text: string): string | undefined {
  const names = tlsParameters(text);
  const unknown = names.find((name) => name !== 'sslmode' && !BESIDE.includes(name));
  if (unknown !== undefined || new Set(names).size < names.length) return UNKNOWN;
  const mode = modeOf(text);
  if (mode !== undefined && !PROVING.has(mode) && !OTHER.has(mode)) return MODE;
  const isInTls = mode !== undefined && mode !== 'disable';
  return !isInTls && names.some((name) => BESIDE.includes(name)) ? WITHOUT : undefined;
}

/** The URL in the one spelling whose meaning no version of the driver and no setting of it changes. */
export function withProof(text: string): string {
  return isForNodes(text) ? text.replace(/([?&]sslmode=)(?:require|verify-ca)(?=&|$)/, '$1verify-full') : text;
}

/** Whether anybody on the way may answer in the place of the database. */
export function isUnproved(text: string | undefined): boolean {
  return text !== undefined && modeOf(text) === 'no-verify';
}

function modeOf(text: string): string | undefined {
  return parametersOf(text)?.get('sslmode') ?? undefined;
}

function tlsParameters(text: string): readonly string[] {
  return [...(parametersOf(text)?.keys() ?? [])].filter((name) => name.startsWith('ssl') || name === 'uselibpqcompat');
}

function parametersOf(text: string): URLSearchParams | undefined {
  return isForNodes(text) ? URL.parse(text)?.searchParams : undefined;
}
