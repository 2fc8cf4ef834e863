/** The PROXY protocol's header, versions 1 and 2, read strictly (HAProxy, doc/proxy-protocol.txt, section 2). */
import type { Buffer } from 'node:buffer';
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

export type ProxyHeader =
  /** Not whole yet. */
  | { readonly outcome: 'more' }
  | { readonly outcome: 'invalid' }
  | {
      readonly outcome: 'header';
      /** Bytes of the header: what follows is the client's. */
      readonly length: number;
      /** `proxy`: nobody is behind it, it speaks for itself, as for a health check. */
      readonly from: 'client' | 'proxy';
      /** Of the client; undefined: it has none that the proxy could tell. */
      readonly address: string | undefined;
    };

/** Longest line of version 1, its end included. */
const LONGEST_LINE = 107;
const V2_SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const V2_FIXED = 16;
/** Addresses and what proxies add to them (TLVs: certificates, names); more is no header that we have to understand. */
const MAX_V2_BYTES = 4_096;

const MORE: ProxyHeader = { outcome: 'more' };
const INVALID: ProxyHeader = { outcome: 'invalid' };

/** The header that the bytes begin with. Nothing that is not one for certain is passed over. */
export function proxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return MORE;
  return bytes[0] === V2_SIGNATURE[0] ? version2(bytes) : version1(bytes);
}

function version2(bytes: Buffer): ProxyHeader {
  const seen = Math.min(bytes.length, V2_SIGNATURE.length);
  for (let at = 0; at < seen; at += 1) if (bytes[at] !== V2_SIGNATURE[at]) return INVALID;
  if (bytes.length < V2_FIXED) return MORE;
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13) >> 4;
  const transport = bytes.readUInt8(13) & 0x0f;
  const rest = bytes.readUInt16BE(14);
  // Version 2, LOCAL or PROXY; a family and a transport that exist.
  if ((command !== 0x20 && command !== 0x21) || family > 3 || transport > 2 || rest > MAX_V2_BYTES) return INVALID;
  const length = V2_FIXED + rest;
  if (bytes.length < length) return MORE;
  if (command === 0x20) return { outcome: 'header', length, from: 'proxy', address: undefined };
  const told = ADDRESS_BYTES[family] ?? 0;
  if (rest < told) return INVALID;
  const address = family === 1 ? ipv4(bytes.subarray(16, 20)) : family === 2 ? ipv6(bytes.subarray(16, 32)) : undefined;
  return { outcome: 'header', length, from: 'client', address };
}

/** By family: none, IPv4, IPv6, Unix; two addresses each, and two ports where there are any. */
const ADDRESS_BYTES: readonly number[] = [0, 12, 36, 216];

function ipv4(bytes: Buffer): string {
  return [...bytes].join('.');
}

function ipv6(bytes: Buffer): string {
  return spelled6(Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(':'));
}

/** In the one spelling that the system uses for the peer of a connection. */
function spelled6(address: string): string {
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

const START = 'PROXY ';
const TCP = /^PROXY TCP([46]) ([0-9a-fA-F:.]{2,39}) ([0-9a-fA-F:.]{2,39}) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})$/;

function version1(bytes: Buffer): ProxyHeader {
  const text = bytes.toString('latin1', 0, LONGEST_LINE);
  if (!START.startsWith(text.slice(0, START.length))) return INVALID;
  const end = text.indexOf('\r\n');
  if (end < 0) return bytes.length >= LONGEST_LINE ? INVALID : MORE;
  const line = text.slice(0, end);
  const length = end + 2;
  // What follows UNKNOWN is to be ignored up to the end of the line.
  if (/^PROXY UNKNOWN(?: [ -~]*)?$/.test(line))
    return { outcome: 'header', length, from: 'client', address: undefined };
  const [, version, source = '', destination = '', from = '', to = ''] = TCP.exec(line) ?? [];
  const isAddress = version === '4' ? isIPv4 : isIPv6;
  if (version === undefined || !isAddress(source) || !isAddress(destination)) return INVALID;
  return Number(from) > 65_535 || Number(to) > 65_535
    ? INVALID
    : { outcome: 'header', length, from: 'client', address: version === '4' ? source : spelled6(source) };
}
