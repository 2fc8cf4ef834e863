/** Who the client is: the connection's address, or what trusted proxies say of it. Nobody is trusted by default. */
import { isIPv4 } from 'node:net';
import { addressRule, plainAddress } from '../addresses.ts';
import { nodeAddress, parseForwarded } from './forwarded.ts';

export type ForwardedHeader = 'x-forwarded-for' | 'forwarded';

/** Whom we believe about where a request comes from, and in whose words. */
export interface TrustedProxies {
  /** No proxy is trusted at all: the common case, decided without looking at a header. */
  readonly nobody: boolean;
  /** The one field that our proxies write. The other is nobody's word: a proxy that does not know it passes it on as it came. */
  readonly header: ForwardedHeader;
  /** So many proxies stand before us, wherever they call from; 0: their addresses tell which they are. */
  readonly hops: number;
  /** Whether the hop at this address is one of our proxies; `distance` from us, the peer of the connection being 0. */
  includes(address: string, distance?: number): boolean;
  /** False as long as the addresses of a proxy that is known by name are not: any hop could be that proxy. */
  isCertain(): boolean;
}

/** The fields that tell of hops, each as often as it was sent. */
export interface ToldHops {
  readonly forwardedFor: readonly string[];
  readonly forwarded: readonly string[];
}

export interface Client {
  /** Undefined where a trusted proxy names something that is no address: unknown, and so refused by every address rule. */
  readonly address: string | undefined;
  /** The hops that are believed, client first, for `X-Forwarded-For`: what a client forged left of them is gone. */
  readonly hops: string;
  /** As the client addressed the first of our proxies, where `Forwarded` is believed and says so. */
  readonly host: string | undefined;
  readonly proto: string | undefined;
}

/** Where our proxies are. Server processes know some of them by host name; the addresses of those may be unknown for a while. */
export interface ProxySet {
  has(address: string): boolean;
  /** A name whose addresses are not known; undefined: what `has` says is certain. */
  unresolved(): string | undefined;
}

export interface TrustOptions {
  readonly header?: ForwardedHeader;
  readonly hops?: number;
  /** Makes a set of the entries. Absent: they are addresses and CIDR ranges, and a RangeError says where one is not. */
  readonly setOf?: (entries: readonly string[]) => ProxySet;
}

/** Addresses or CIDR ranges of our proxies; or, by `hops`, how many there are. */
export function trustedProxies(entries: readonly string[], options: TrustOptions = {}): TrustedProxies {
  const { header = 'x-forwarded-for', hops = 0, setOf = rangesOf } = options;
  const common = { nobody: false, header, hops, isCertain: () => true };
  if (hops > 0) return Object.freeze({ ...common, includes: (_: string, distance = 0) => distance < hops });
  if (entries.length === 0) return Object.freeze({ ...common, nobody: true, includes: () => false });
  const ours = setOf(entries);
  return Object.freeze({ ...common, includes: ours.has, isCertain: () => ours.unresolved() === undefined });
}

function rangesOf(entries: readonly string[]): ProxySet {
  const rule = addressRule('', { allow: entries });
  return { has: (address) => rule.refuses(address) === undefined, unresolved: () => undefined };
}

/** The address of the peer of a connection, IPv4-mapped ones as IPv4. */
export function peerAddress(remote: string | undefined): string | undefined {
  if (remote === undefined || isIPv4(remote)) return remote;
  // A dual-stack listener shows each IPv4 peer so; the general way would parse a URL for every request.
  if (remote.startsWith('::ffff:') && isIPv4(remote.slice(7))) return remote.slice(7);
  return plainAddress(remote);
}

/**
 * Walks what is told from the right: each entry was written by the hop to its right, and is believed as long as that hop is
 * trusted. The first hop that is not trusted is the client, whatever stands left of it.
 */
export function clientAddress(peer: string | undefined, told: ToldHops, trusted: TrustedProxies): Client {
  if (peer === undefined) return { ...SILENT, address: undefined, hops: 'unknown' };
  const entries = trusted.includes(peer, 0) ? entriesOf(told, trusted.header) : NOTHING;
  const hops = [peer];
  let hop = peer;
  let first: Entry = SILENT;
  for (let distance = 0; trusted.includes(hop, distance); distance++) {
    const entry = entries?.[entries.length - 1 - distance];
    // A proxy that says nothing speaks for itself. Where hops are counted, the request did not come by all of them.
    if (entry === undefined && entries !== undefined && trusted.hops === 0) break;
    if (entry?.address === undefined) return { ...SILENT, address: undefined, hops: ['unknown', ...hops].join(', ') };
    hops.unshift(entry.address);
    hop = entry.address;
    first = entry;
  }
  const address = trusted.isCertain() ? hop : undefined;
  return { address, hops: hops.join(', '), host: first.host, proto: first.proto };
}

interface Entry {
  readonly address: string | undefined;
  readonly host: string | undefined;
  readonly proto: string | undefined;
}

const SILENT: Entry = Object.freeze({ address: undefined, host: undefined, proto: undefined });
const NOTHING: readonly Entry[] = Object.freeze([]);

/** From left to right; undefined where the field cannot be read. */
function entriesOf(told: ToldHops, header: ForwardedHeader): readonly Entry[] | undefined {
  if (header === 'forwarded')
    return parseForwarded(told.forwarded)?.map(({ for: node, host, proto }) => ({
      address: nodeAddress(node),
      host,
      proto,
    }));
  if (told.forwardedFor.length === 0) return NOTHING;
  return told.forwardedFor
    .join(',')
    .split(',')
    .map((entry) => ({ ...SILENT, address: hopAddress(entry.trim()) }));
}

const WITH_PORT = /^(?:\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5})$/;

/** An entry of X-Forwarded-For may carry a port, and then an IPv6 address stands in brackets. */
function hopAddress(entry: string): string | undefined {
  const [, six, four] = WITH_PORT.exec(entry) ?? [];
  return plainAddress(six ?? four ?? entry);
}
