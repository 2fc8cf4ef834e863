/** Flags that may be given several times, each adding to the ones before. */
import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** Collects what `parse` makes of each value. */
export function repeatable<T>(parse: (text: string) => T): (text: string, before: readonly T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}

/** Scopes, one flag each or several in one, separated by spaces (RFC 6749 section 3.3). */
export function collectScopes(text: string, before: readonly string[] | undefined): string[] {
  const scopes = text.split(' ').filter((scope) => scope !== '');
  return [...new Set([...(before ?? []), ...scopes])];
}

/** `key=value`; the value may hold further `=`. @throws InvalidArgumentError */
export function parsePair(text: string): readonly [key: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write it as key=value.');
  return [text.slice(0, at), text.slice(at + 1)];
}

/** An address, or a range in CIDR notation. @throws InvalidArgumentError */
export function parseRange(text: string): string {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const fits = bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= most);
  if (family === 0 || !fits || rest.length > 0 || address.includes('%')) {
    throw new InvalidArgumentError('Give an IP address or a CIDR range such as 10.0.0.0/8.');
  }
  return text;
}

/** A whole number from `min`. @throws InvalidArgumentError */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    if (!/^[0-9]{1,15}$/.test(text) || Number(text) < min) {
      throw new InvalidArgumentError(`Give a whole number from ${min}.`);
    }
    return Number(text);
  };
}

/** The object of `key=value` flags. A name like `__proto__` is kept as it is: the server refuses it. */
export function fromPairs(
  pairs: readonly (readonly [string, string])[] | undefined,
): Record<string, string> | undefined {
  return pairs === undefined ? undefined : Object.fromEntries(pairs);
}
