/** The request that a proxy asks about: as its `X-Forwarded-*` fields tell it, or as the path below ours does. */
import type { IncomingMessage } from 'node:http';
import { type Client, clientAddress, peerAddress, type TrustedProxies } from '@tessera/verify';
import type { Incoming } from '../http/edge.ts';
import { type Authority, parseAuthority, parseTarget, type Target } from '../http/target.ts';

export interface Original extends Target {
  readonly method: string;
  readonly host: Authority;
  readonly scheme: 'http' | 'https';
}

/** Where proxies ask; what stands below it is the path of the original request. */
export const PLACE = '/forward-auth';

const METHOD = /^[A-Z]{1,32}$/;

/** Whether the proxy asks with the original request itself, only with a prefix to its path, as Envoy does. */
export function isBelow({ path }: Incoming): boolean {
  return path.startsWith(`${PLACE}/`);
}

/** The original request of one that `isBelow`: the edge has made its path canonical already, and refused what cannot be. */
export function originalBelow({ headersDistinct: sent }: IncomingMessage, incoming: Incoming): Original | 'invalid' {
  const host = parseAuthority(single(sent.host));
  if (host === undefined) return 'invalid';
  const { method, query } = incoming;
  return { method, host, scheme: schemeOf(sent), path: incoming.path.slice(PLACE.length), query };
}

/**
 * Undefined where the proxy tells of no request: `X-Forwarded-Host`, which many proxies add to everything, does not count.
 * `invalid` where it tells half of one, or one that the gateway would refuse: a rule chosen by guessing may be the wrong one.
 *
 * Anybody may say these: they choose which rule is judged, and the answer goes to none but the asker. That the proxy
 * itself writes them, whatever its client sent, is what its configuration must see to.
 */
export function originalOf({ headersDistinct: sent }: IncomingMessage): Original | 'invalid' | undefined {
  const uris = sent['x-forwarded-uri'];
  const methods = sent['x-forwarded-method'];
  if (uris === undefined && methods === undefined) return undefined;
  const method = single(methods);
  const host = parseAuthority(single(sent['x-forwarded-host']));
  if (host === undefined || !METHOD.test(method)) return 'invalid';
  const target = parseTarget(single(uris), host);
  return target === undefined ? 'invalid' : { ...target, method, host, scheme: schemeOf(sent) };
}

/**
 * The client's address decides address rules and the count of failed credentials, so that what is told of it is believed
 * from trusted proxies only, and from the machine itself: whoever asks here from loopback is the proxy beside us. Where
 * hops are counted, they are counted here too.
 */
export function clientOf({ socket, headersDistinct: sent }: IncomingMessage, trusted: TrustedProxies): Client {
  const told = { forwardedFor: sent['x-forwarded-for'] ?? [], forwarded: sent.forwarded ?? [] };
  const includes = (address: string, distance = 0): boolean =>
    (trusted.hops === 0 && isLoopback(address)) || trusted.includes(address, distance);
  return clientAddress(peerAddress(socket.remoteAddress), told, { ...trusted, nobody: false, includes });
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function schemeOf(sent: IncomingMessage['headersDistinct']): 'http' | 'https' {
  return single(sent['x-forwarded-proto']) === 'https' ? 'https' : 'http';
}

function single(values: readonly string[] | undefined): string {
  return values?.length === 1 ? (values[0] ?? '') : '';
}
