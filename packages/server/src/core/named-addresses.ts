/** Address lists that hold host names beside ranges: judged by what is known of the names, and never a look-up while a request waits. */
import { type AddressLists, type AddressRule, addressRule, isAddressRange, plainAddress } from '@tessera/verify';

/** What is known of host names; somebody else keeps it fresh. */
export interface HostNames {
  /** At least one address; undefined: it cannot be told which the name has. */
  addressesOf(name: string): readonly string[] | undefined;
  /** Another number after each change of an answer. */
  version(): number;
}

/** Thrown where a list cannot tell whether it holds an address: the verdict is then `fault`, whichever list it is. */
export class UnresolvedNameError extends Error {
  override readonly name = 'UnresolvedNameError';

  constructor(label: string, hostName: string) {
    super(`${label}: the addresses of ${hostName} are not known`);
  }
}

export interface AddressSet {
  has(address: string): boolean;
  /** A name whose addresses are not known; undefined: what `has` says is certain. */
  unresolved(): string | undefined;
}

/** The names among the entries of an address list. */
export function hostNamesIn(entries: readonly string[]): readonly string[] {
  return entries.filter((entry) => !isAddressRange(entry));
}

/** Addresses, ranges and host names. It is compiled again when an answer has changed. */
export function addressSet(entries: readonly string[], names: HostNames): AddressSet {
  const ranges = entries.filter(isAddressRange);
  const named = hostNamesIn(entries);
  const compile = (version: number) => {
    const known = [...ranges, ...named.flatMap((name) => names.addressesOf(name) ?? [])];
    return {
      version,
      // An empty list would admit everybody.
      rule: known.length === 0 ? undefined : addressRule('', { allow: known }),
      unresolved: named.find((name) => names.addressesOf(name) === undefined),
    };
  };
  let compiled = compile(names.version());
  const current = () => {
    const version = names.version();
    if (version !== compiled.version) compiled = compile(version);
    return compiled;
  };
  return Object.freeze({
    has(address: string) {
      const { rule } = current();
      return rule !== undefined && rule.refuses(address) === undefined;
    },
    unresolved: () => current().unresolved,
  });
}

/**
 * As `addressRule`, for lists that may hold host names. What the known entries say counts; where they say nothing and a name is
 * unresolved, `refuses` throws: an address that could be the denied one must not pass, and one that could be the allowed
 * one must not hear that it is refused for good.
 */
export function namedAddressRule(
  label: string,
  { allow = [], deny = [] }: AddressLists,
  names: HostNames,
): AddressRule {
  if (hostNamesIn([...allow, ...deny]).length === 0) return addressRule(label, { allow, deny });
  const denied = addressSet(deny, names);
  const allowed = allow.length === 0 ? undefined : addressSet(allow, names);
  const certain = (set: AddressSet): void => {
    const name = set.unresolved();
    if (name !== undefined) throw new UnresolvedNameError(label, name);
  };
  return Object.freeze({
    label,
    refuses(address: string | undefined) {
      const plain = address === undefined ? undefined : plainAddress(address);
      if (plain === undefined) return `${label}: the client address is unknown`;
      if (denied.has(plain)) return `${label}: the client address is denied`;
      certain(denied);
      if (allowed === undefined || allowed.has(plain)) return undefined;
      certain(allowed);
      return `${label}: the client address is not in the allowed ranges`;
    },
  });
}
