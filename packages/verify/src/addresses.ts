/** Address rules: CIDR allow and deny lists, compiled once, judged in constant time. Deny wins. */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

/** Lists of addresses or CIDR ranges, IPv4 and IPv6. An absent or empty `allow` admits every address that is not denied. */
export interface AddressLists {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
}

export interface AddressRule {
  /** Whose rule it is, for the reason of a refusal: `token`, `role ops`, `route orders`. */
  readonly label: string;
  /** Why the address is refused, or undefined where it may pass. An unknown address passes no rule. */
  refuses(address: string | undefined): string | undefined;
}

/** A rule that is its lists and nothing else, so that it can be written down and compiled again elsewhere. */
export interface ListedAddresses extends AddressRule {
  readonly lists: AddressLists;
}

/** Compiles lists that were validated before. Throws a RangeError on an entry that is no address or range. */
export function addressRule(label: string, lists: AddressLists): ListedAddresses {
  const allow = lists.allow !== undefined && lists.allow.length > 0 ? compile(lists.allow) : undefined;
  const deny = lists.deny !== undefined && lists.deny.length > 0 ? compile(lists.deny) : undefined;

  function judge(address: string | undefined): string | undefined {
    if (allow === undefined && deny === undefined) return undefined;
    const plain = address === undefined ? undefined : plainAddress(address);
    if (plain === undefined) return `${label}: the client address is unknown`;
    const family = isIPv4(plain) ? 'ipv4' : 'ipv6';
    if (deny?.check(plain, family)) return `${label}: the client address is denied`;
    if (allow !== undefined && !allow.check(plain, family))
      return `${label}: the client address is not in the allowed ranges`;
    return undefined;
  }

  // A token is mostly used from one address, and an answer depends on the address alone: the last one is kept.
  let last: string | undefined;
  let answer = judge(last);
  return Object.freeze({
    label,
    lists,
    refuses(address: string | undefined) {
      if (address !== last) {
        answer = judge(address);
        last = address;
      }
      return answer;
    },
  });
}

/**
 * As `addressRule`, compiled when it is first asked: thousands of ranges take tens of milliseconds, and facts that are read for somebody else
 * are never asked. Throws then, on an entry that is no address or range.
 */
export function addressRuleOnUse(label: string, lists: AddressLists): ListedAddresses {
  let rule: ListedAddresses | undefined;
  return Object.freeze({
    label,
    lists,
    refuses(address: string | undefined) {
      rule ??= addressRule(label, lists);
      return rule.refuses(address);
    },
  });
}

/**
 * The address as it is compared: an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is its IPv4 address, a zone is dropped.
 * Undefined where the text is no address.
 */
export function plainAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text)) return undefined;
  const zone = text.indexOf('%');
  const address = zone < 0 ? text : text.slice(0, zone);
  return mappedIPv4(address) ?? address;
}

/** Whom an address stands for where clients are counted: an IPv6 client holds a whole /64, so that its addresses are one source. */
export function sourceOf(address: string): string {
  const plain = plainAddress(address) ?? 'unknown';
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** Whether a text is an address or a CIDR range that `addressRule` takes. */
export function isAddressRange(text: string): boolean {
  return parseRange(text) !== undefined;
}

/** Narrowest prefixes that still describe a network of one's own: 10.0.0.0/8 and fc00::/7. Wider ones are "everybody". */
const WIDEST_TRUSTED = { ipv4: 8, ipv6: 7 } as const;

/** Whether a range takes in so much that trusting it means trusting strangers. */
export function isNearlyEveryone(text: string): boolean {
  const range = parseRange(text);
  if (range === undefined) return false;
  // All of IPv4 stands in IPv6 (RFC 4291 section 2.5.5.2): whatever holds one address of it and is not read as IPv4 holds all.
  const holdsIPv4 = range.family === 'ipv6' && compile([text]).check('0.0.0.0', 'ipv4');
  return holdsIPv4 || range.bits < WIDEST_TRUSTED[range.family];
}

/** What every spelling of a mapped address begins with, and few others: reading a URL takes longer than all the rest. */
const LIKE_MAPPED = /^[0:]+ffff:/i;

/** `::ffff:a.b.c.d`, in any of its spellings, as `a.b.c.d`. */
function mappedIPv4(address: string): string | undefined {
  if (!LIKE_MAPPED.test(address)) return undefined;
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (groups === null) return undefined;
  const high = Number.parseInt(groups[1] ?? '', 16);
  const low = Number.parseInt(groups[2] ?? '', 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

interface Range {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly bits: number;
}

function parseRange(text: string): Range | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return undefined;
  const width = version === 4 ? 32 : 128;
  const suffix = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(suffix) || Number(suffix) > width) return undefined;
  const bits = Number(suffix);
  if (version === 4) return { address, family: 'ipv4', bits };
  const mapped = bits >= 96 ? mappedIPv4(address) : undefined;
  return mapped === undefined
    ? { address, family: 'ipv6', bits }
    : { address: mapped, family: 'ipv4', bits: bits - 96 };
}

function compile(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const range = parseRange(entry);
    if (range === undefined) throw new RangeError(`not an address or CIDR range: ${entry}`);
    list.addSubnet(range.address, range.bits, range.family);
  }
  return list;
}
