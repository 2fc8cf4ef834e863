/** What a service asks of middleware: read once, when it starts, and refused there where it could mean less than it seems to. */
import { type AddressLists, addressRule, isNearlyEveryone } from '../addresses.ts';
import { type ForwardedHeader, type TrustedProxies, trustedProxies } from '../clients/client-address.ts';
import { narrowed } from '../narrowed.ts';
import type { Requirement } from '../requirement.ts';
import type { Environment, TokenKind } from '../verdict.ts';
import type { Denied } from './outcome.ts';

/** What is asked of a route, on top of what the verifier asks of every one; a part that is not named is not asked. */
export interface RouteOptions {
  /** Audience or id of the api that the token must be for. */
  readonly audience?: string;
  readonly environment?: Environment;
  /** All of them. */
  readonly scopes?: readonly string[];
  /** Any of them. */
  readonly kinds?: readonly TokenKind[];
  /** The owner must have all of them. */
  readonly roles?: readonly string[];
  /** Only tokens bound to a key, presented with a proof of possession (RFC 9449). */
  readonly proof?: boolean;
  /**
   * Only connections whose client proved a certificate of an authority that the TLS server of the service names (`requestCert`, `ca`).
   * A proxy that ends TLS, and is trusted, proves nothing of its clients.
   */
  readonly clientCertificate?: boolean;
  /** Client addresses that may pass: addresses and CIDR ranges. Deny wins. */
  readonly ip?: AddressLists;
  /** Whole number from 1: what a request costs of each limit. Default 1. */
  readonly cost?: number;
}

/** How the client is found and what is told, the same for every route of a service. */
export interface GuardOptions<Incoming = never> extends RouteOptions {
  /** Addresses and CIDR ranges of the proxies that are believed about the client, of a network of one's own. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** Instead of their addresses: how many proxies every request comes by. */
  readonly trustedHops?: number;
  /** What they write. Default `x-forwarded-for`. */
  readonly forwardedHeader?: ForwardedHeader;
  /** Instead of both: the client address as something else tells it; undefined: unknown, and refused by every address rule. */
  readonly clientAddress?: (request: Incoming) => string | undefined;
  /** Scheme and authority by which clients call, such as `https://api.example.com`: what proofs of possession are made for. Default: what the request says. */
  readonly origin?: string;
  /** Hears of every refusal after it was decided, for logs and metrics. It cannot change it. */
  readonly onDeny?: (denied: Denied, request: Incoming) => void;
}

export interface Guarding<Incoming> {
  readonly requirement: Requirement;
  readonly cost: number;
  readonly trusted: TrustedProxies;
  readonly clientAddress: ((request: Incoming) => string | undefined) | undefined;
  readonly origin: string | undefined;
  readonly onDeny: ((denied: Denied, request: Incoming) => void) | undefined;
}

/**
 * Throws a TypeError where an option is not known, has another form than it must have or contradicts the verifier: `scope` for
 * `scopes` would ask for nothing, and nobody would notice.
 */
export function guarding<Incoming>(all: Requirement, options: GuardOptions<Incoming>): Guarding<Incoming> {
  for (const [name, value] of Object.entries(options)) {
    const isValid = Object.hasOwn(forms, name) ? forms[name as keyof typeof forms] : undefined;
    if (isValid === undefined) throw new TypeError(`there is no option \`${name}\``);
    if (value !== undefined && !isValid(value)) throw new TypeError(`the option \`${name}\` is not valid`);
  }
  const { trustedProxies: proxies = [], trustedHops: hops = 0, forwardedHeader: header, clientAddress } = options;
  if ([proxies.length > 0, hops > 0, clientAddress !== undefined].filter(Boolean).length > 1)
    throw new TypeError('only one of `trustedProxies`, `trustedHops` and `clientAddress` can tell who the client is');
  const everyone = proxies.find(isNearlyEveryone);
  if (everyone !== undefined)
    throw new TypeError(`\`trustedProxies\` would let every client forge its address: ${everyone}`);
  return Object.freeze({
    requirement: narrowed(all, partsOf(options)),
    cost: options.cost ?? 1,
    trusted: trustedProxies(proxies, { hops, ...(header && { header }) }),
    clientAddress,
    origin: options.origin,
    onDeny: options.onDeny,
  });
}

function partsOf(options: RouteOptions): Partial<Requirement> {
  const { audience, environment, scopes, kinds, roles, proof, clientCertificate, ip } = options;
  return {
    audience,
    environment,
    ...(scopes && { scopes }),
    ...(kinds && { kinds }),
    ...(roles && { roles }),
    ...(proof !== undefined && { proof }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(ip && { addresses: [addressRule('route', ip)] }),
  };
}

type IsValid = (value: unknown) => boolean;

const isText: IsValid = (value) => typeof value === 'string' && value !== '';
const isFunction: IsValid = (value) => typeof value === 'function';
const isWhole = (value: unknown, from: number): boolean => Number.isSafeInteger(value) && Number(value) >= from;
const oneOf =
  (...values: readonly unknown[]): IsValid =>
  (value) =>
    values.includes(value);
const listOf =
  (isItem: IsValid): IsValid =>
  (value) =>
    Array.isArray(value) && value.every(isItem);

const isKind = oneOf('api_key', 'personal_access_token', 'access_token', 'refresh_token', 'session');

/** Scheme and authority alone: a path would be lost, and with it what its writer meant. */
const ORIGIN = /^https?:\/\/[^/?#@\\\s]+$/i;

/** Ranges are compiled, and so judged, by `addressRule`; here only a misspelt `allow` is caught, which would admit everybody. */
const isAddressLists: IsValid = (value) =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).every(([name, list]) => ['allow', 'deny'].includes(name) && listOf(isText)(list));

const forms: Readonly<Record<keyof GuardOptions, IsValid>> = {
  audience: isText,
  environment: oneOf('live', 'test'),
  scopes: listOf(isText),
  kinds: listOf(isKind),
  roles: listOf(isText),
  proof: oneOf(true, false),
  clientCertificate: oneOf(true, false),
  ip: isAddressLists,
  cost: (value) => isWhole(value, 1),
  trustedProxies: listOf(isText),
  trustedHops: (value) => isWhole(value, 0),
  forwardedHeader: oneOf('x-forwarded-for', 'forwarded'),
  clientAddress: isFunction,
  origin: (value) => isText(value) && ORIGIN.test(String(value)),
  onDeny: isFunction,
};
