/** The header fields of a request, sorted in one pass: what goes on, and the values that the edge reads. */
import { fieldKind, type LookedAt } from './field-kinds.ts';

export interface SortedFields extends Readonly<Record<LookedAt, readonly string[]>> {
  /** Name and value by turns: everything that may go on to an upstream, credentials included. */
  readonly fields: readonly string[];
}

const NONE: readonly string[] = Object.freeze([]);

/** Sorts header fields as `IncomingMessage.rawHeaders` holds them: name and value by turns. */
export function sortFields(raw: readonly string[]): SortedFields {
  const fields: string[] = [];
  const seen: Record<LookedAt, readonly string[]> & SortedFields = {
    fields,
    host: NONE,
    authorization: NONE,
    apiKey: NONE,
    dpop: NONE,
    requestId: NONE,
    forwarded: NONE,
    forwardedFor: NONE,
    forwardedHost: NONE,
    forwardedProto: NONE,
    contentLength: NONE,
    transferEncoding: NONE,
    connection: NONE,
    upgrade: NONE,
  };
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    const kind = fieldKind(name);
    if (kind === 'stripped') continue;
    if (kind !== 'plain') seen[kind] = seen[kind].length === 0 ? [value] : [...seen[kind], value];
    if (kind === 'plain' || kind === 'authorization' || kind === 'apiKey' || kind === 'dpop') fields.push(name, value);
  }
  return seen;
}

/**
 * The value of a field that was sent, several joined as RFC 9110 section 5.2 says. Node's own object of all fields costs more
 * than the few that are read. `name` is in lower case.
 */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < fields.length; at += 2) {
    const own = fields[at] ?? '';
    if (own.length !== name.length || own.toLowerCase() !== name) continue;
    const value = fields[at + 1] ?? '';
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}
