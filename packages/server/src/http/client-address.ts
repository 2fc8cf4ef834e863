/** Who the client is: the connection's address, or what trusted proxies say of it. Nobody is trusted by default. */
import { isIPv4 } from 'node:net';
import { addressRule, plainAddress } from '@tessera/verify';

export interface TrustedProxies {
  /** No proxy is trusted at all: the common case, decided without looking at a header. */
  readonly nobody: boolean;
  includes(address: string): boolean;
}

export interface Client {
  /** Undefined where a trusted proxy names something that is no address: unknown, and so refused by every address rule. */
  readonly address: string | undefined;
  /** The hops that are believed, client first, for `X-Forwarded-For`: what a client forged left of them is gone. */
  readonly hops: string;
}

/** Addresses or CIDR ranges whose `X-Forwarded-*` are believed. Throws a RangeError on an entry that is neither. */
export function trustedProxies(cidrs: readonly string[]): TrustedProxies {
  if (cidrs.length === 0) return Object.freeze({ nobody: true, includes: () => false });
  const rule = addressRule('trusted proxies', { allow: cidrs });
  return Object.freeze({ nobody: false, includes: (address: string) => rule.refuses(address) === undefined });
}

/** The address of the peer of a connection, IPv4-mapped ones as IPv4. */
export function peerAddress(remote: string | undefined): string | undefined {
  if (remote === undefined || isIPv4(remote)) return remote;
  // A dual-stack listener shows each IPv4 peer so; the general way would parse a URL for every request.
  if (remote.startsWith('::ffff:') && isIPv4(remote.slice(7))) return remote.slice(7);
  return plainAddress(remote);
}

/**
 * Walks `X-Forwarded-For` from the right: each entry was written by the hop to its right, and is believed as long as
 * that hop is trusted. The first hop that is not trusted is the client, whatever stands left of it.
 */
export function clientAddress(peer: string | undefined, values: readonly string[], trusted: TrustedProxies): Client {
  if (peer === undefined) return { address: undefined, hops: 'unknown' };
  const entries = values.length === 0 ? [] : values.join(',').split(',');
  const hops = [peer];
  let hop = peer;
  for (let at = entries.length - 1; at >= 0 && trusted.includes(hop); at--) {
    const address = hopAddress((entries[at] ?? '').trim());
    if (address === undefined) return { address: undefined, hops: ['unknown', ...hops].join(', ') };
    hops.unshift(address);
    hop = address;
  }
  return { address: hop, hops: hops.join(', ') };
}

const WITH_PORT = /^(?:\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5})$/;

/** An entry may carry a port, and then an IPv6 address stands in brackets. */
function hopAddress(entry: string): string | undefined {
  const [, six, four] = WITH_PORT.exec(entry) ?? [];
  return plainAddress(six ?? four ?? entry);
}
