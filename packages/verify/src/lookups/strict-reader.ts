/**
 * Reading what another program wrote, member by member. What is missing, of another type or unknown is refused: a member
 * that is not understood could be a rule, and passing it over would let through what it forbids. Objects that were read are frozen:
 * they are kept and judged by again. Lists are not, since every verdict looks into some, and a frozen one takes it longer.
 */
import { isRecord } from '../jose/strict-json.ts';

/** The value where it is what it should be. Throws UnreadableFacts, with the place, where it is not. */
export type Read<T> = (value: unknown, at: string) => T;

/** What was sent is not what this version understands. Its message names the place and never a value. */
export class UnreadableFacts extends Error {
  override readonly name = 'UnreadableFacts';
}

type Members<T> = { readonly [K in keyof T]-?: Read<T[K]> };

/** An object with these members and no other. A reader that gives undefined for an absent member makes it optional. */
export function object<T extends object>(members: Members<T>): Read<T> {
  const readers = Object.entries(members) as [string, Read<unknown>][];
  const known = new Set(readers.map(([name]) => name));
  return (value, at) => {
    if (!isRecord(value)) throw unreadable(at, 'an object');
    for (const name of Object.keys(value)) if (!known.has(name)) throw new UnreadableFacts(`${at}: unknown member`);
    const read: Record<string, unknown> = {};
    for (const [name, reader] of readers) {
      const member = reader(Object.hasOwn(value, name) ? value[name] : undefined, `${at}/${name}`);
      if (member !== undefined) read[name] = member;
    }
    // Each reader of `Members<T>` gave what T has under its name.
    return Object.freeze(read as T);
  };
}

export function list<T>(item: Read<T>): Read<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw unreadable(at, 'a list');
    return value.map((one: unknown, index) => item(one, `${at}/${index}`));
  };
}

export function optional<T>(read: Read<T>): Read<T | undefined> {
  return (value, at) => (value === undefined ? undefined : read(value, at));
}

/** `null` says "none", so that absence is never mistaken for it. */
export function orNone<T>(read: Read<T>): Read<T | undefined> {
  return (value, at) => (value === null ? undefined : read(value, at));
}

export function oneOf<const T extends string>(...allowed: readonly T[]): Read<T> {
  return (value, at) => {
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw unreadable(at, allowed.join(' or '));
    return found;
  };
}

export const text: Read<string> = (value, at) => {
  if (typeof value !== 'string') throw unreadable(at, 'a text');
  return value;
};

export const truth: Read<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw unreadable(at, 'true or false');
  return value;
};

/** A whole number from `least` on. */
export function whole(least: number): Read<number> {
  return (value, at) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
      throw unreadable(at, `a whole number from ${least} on`);
    return value;
  };
}

function unreadable(at: string, expected: string): UnreadableFacts {
  return new UnreadableFacts(`${at}: must be ${expected}`);
}
