/** The header fields that a client receives: the upstream's, less those of its connection, and then ours. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FlatFields } from '@tessera/verify';
import type { FieldChanges } from '../core/compiled-changes.ts';
import { connectionNamed, isHopByHop } from './hop-headers.ts';
import { keepPrivate } from './private-answer.ts';

export interface AnswerChanges extends FieldChanges {
  /** The credential came in a field that caches do not know for one. */
  readonly unknownToCaches: boolean;
}

export interface Ours {
  readonly requestId: string;
  /** How the limits stand; empty without limits. */
  readonly rates: FlatFields;
  readonly changes: AnswerChanges;
}

const OF_LIMITS: ReadonlySet<string> = new Set([
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'ratelimit',
  'ratelimit-policy',
]);

/**
 * Name and value by turns, from fields with names in lower case. Where a limit holds here, what the upstream says of its
 * own limits would contradict it.
 */
export function clientFields(received: Readonly<IncomingHttpHeaders>, { requestId, rates, changes }: Ours): string[] {
  const { touched, set } = changes;
  const named = connectionNamed(valuesOf(received.connection));
  const sent: string[] = [];
  for (const name of Object.keys(received)) {
    if (name === 'x-request-id' || isHopByHop(name) || named.has(name) || touched.has(name)) continue;
    if (rates.length > 0 && OF_LIMITS.has(name)) continue;
    const value = received[name];
    if (typeof value === 'string') sent.push(name, value);
    else for (const one of valuesOf(value)) sent.push(name, one);
  }
  for (const text of rates) sent.push(text);
  for (const text of set) sent.push(text);
  if (!touched.has('x-request-id')) sent.push('X-Request-Id', requestId);
  if (changes.unknownToCaches) keepPrivate(sent);
  return sent;
}

function valuesOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}
