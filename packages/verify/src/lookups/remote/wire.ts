/** What the server says to a verifier, read member by member. Members of an answer that are not known are passed over; of facts, never. */
import { type DigestKey, digestBytes } from '../../digest.ts';
import { isRecord } from '../../jose/strict-json.ts';
import type { TokenFacts } from '../../ports.ts';
import { factsFromWire } from '../facts-wire.ts';
import { list, object, oneOf, type Read, text, UnreadableFacts, whole } from '../strict-reader.ts';
import type { Beat } from './news.ts';
import type { Change } from './recent-changes.ts';

/** Where in the feed: a number, and which of all changes that ever had it. A store that was restored from an older copy gives numbers out again. */
export interface Place {
  readonly seq: number;
  /** Empty: there was no change yet. */
  readonly mark: string;
}

/** What the texts of imported tokens begin with, and what they are digested with. */
export interface ImportedPrefix {
  readonly prefix: string;
  readonly algorithm: 'sha256' | 'sha512';
}

export interface LookedUp {
  /** Position of the feed that the facts are at least as new as. */
  readonly seq: number;
  /** For each digest that was answered for: its facts, undefined where nobody has it, or why they cannot be read. At least for the first. */
  readonly found: ReadonlyMap<string, TokenFacts | undefined | UnreadableFacts>;
  readonly imports: readonly ImportedPrefix[];
}

const imports: Read<readonly ImportedPrefix[]> = list(
  object<ImportedPrefix>({ prefix: text, algorithm: oneOf('sha256', 'sha512') }),
);

export function digestOnWire(digest: DigestKey): string {
  return base64url(digestBytes(digest));
}

/** @throws UnreadableFacts where it is no answer to what was asked */
export function readLookedUp(value: unknown, asked: readonly DigestKey[]): LookedUp {
  const answer = recordOf(value);
  const items = list(recordOf)(answer.items, '/items');
  const byDigest = new Map(items.map((item) => [text(item.digest, '/items/digest'), item.facts]));
  const found = new Map<string, TokenFacts | undefined | UnreadableFacts>();
  for (const digest of asked) {
    const facts = byDigest.get(digestOnWire(digest));
    // Unanswered is not the same as unknown.
    if (facts === undefined) continue;
    found.set(digest, facts === null ? undefined : readFacts(facts, digest));
  }
  if (found.size === 0) throw new UnreadableFacts('/items: must answer for a digest that was asked for');
  return { seq: position(answer.seq), found, imports: imports(answer.imports, '/imports') };
}

/** One token that this version does not understand must not keep the others from being judged. */
function readFacts(facts: unknown, digest: DigestKey): TokenFacts | UnreadableFacts {
  try {
    return factsFromWire(facts, digest);
  } catch (error) {
    if (error instanceof UnreadableFacts) return error;
    throw error;
  }
}

/** The data of an `alive` event. */
export function readBeat(data: string): Beat & Place {
  const { seq, mark, clock, asOf } = recordOf(JSON.parse(data));
  if (!isTime(clock) || !isTime(asOf) || asOf > clock) throw new UnreadableFacts('/clock: must be a time after /asOf');
  return { ...place(seq, mark), clock, asOf };
}

/** The data of a `missed` event: the position from which the feed goes on. */
export function readMissed(data: string): Place {
  const { seq, mark } = recordOf(JSON.parse(data));
  return place(seq, mark);
}

/** The data of any other event, which is named after the kind of the change. */
export function readChange(kind: string, data: string): { readonly change: Change; readonly place: Place } {
  const { mark, ...told } = recordOf(JSON.parse(data));
  const change = changeOf(told, kind);
  return { change, place: place(change.seq, mark) };
}

/** `signedUntil` is a notice, which must not be passed over because it cannot be read. */
export function changeOf({ seq, at, id, signedUntil }: Readonly<Record<string, unknown>>, kind: string): Change {
  const change = { seq: position(seq), kind, id: text(id, '/id') };
  if (signedUntil === undefined) return change;
  return { ...change, at: moment(at, '/at'), signedUntil: moment(signedUntil, '/signedUntil') };
}

/** A time of RFC 3339 as milliseconds since the epoch. */
function moment(value: unknown, at: string): number {
  const ms = Date.parse(text(value, at));
  if (Number.isNaN(ms)) throw new UnreadableFacts(`${at}: must be a time`);
  return ms;
}

function place(seq: unknown, mark: unknown): Place {
  return { seq: position(seq), mark: text(mark, '/mark') };
}

export function position(seq: unknown): number {
  return whole(0)(seq, '/seq');
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new UnreadableFacts('must be an object');
  return value;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
