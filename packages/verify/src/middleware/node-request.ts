/** A request of node:http or node:http2, read from what was sent: Node's own object of fields drops the duplicates that matter. */
import { type Client, clientAddress, peerAddress, type ToldHops } from '../clients/client-address.ts';
import type { Guarding } from './guard-options.ts';
import { type PeerSocket, peerCertificate } from './peer-certificate.ts';
import { queryOf, type Received, withoutQuery } from './received.ts';

/** What is read of an `IncomingMessage` or `Http2ServerRequest`. */
export interface NodeRequest {
  readonly method?: string | undefined;
  /** Name and value by turns, as they were sent. */
  readonly rawHeaders: readonly string[];
  readonly socket: PeerSocket & { readonly remoteAddress?: string | undefined };
}

export interface NodeTarget<Incoming> {
  /** As the client sent it: routers shorten `url` where they are mounted under a path. */
  readonly target: string;
  /** What the service's own `clientAddress` is asked about. */
  readonly incoming: Incoming;
}

export function readNode<Incoming>(
  request: NodeRequest,
  { target, incoming }: NodeTarget<Incoming>,
  { trusted, clientAddress: ownAddress, origin }: Guarding<Incoming>,
): Received {
  const seen = fieldsOf(request.rawHeaders);
  const peer = peerAddress(request.socket.remoteAddress);
  // Who is not one of our proxies says nothing that counts.
  const isTold = !trusted.nobody && peer !== undefined && trusted.includes(peer, 0);
  const client = isTold ? clientAddress(peer, hopsIn(seen), trusted) : undefined;
  return {
    presented: { authorization: seen.authorization, apiKey: seen['x-api-key'], query: queryOf(target) },
    proofs: seen.dpop,
    requestIds: seen['x-request-id'],
    address: ownAddress === undefined ? (client === undefined ? peer : client.address) : ownAddress(incoming),
    method: request.method,
    url() {
      const told = client && toldBy(seen, client, trusted.header);
      const scheme = told?.proto ?? ('encrypted' in request.socket ? 'https' : 'http');
      const host = told?.host ?? single(seen[':authority']) ?? single(seen.host);
      const own = origin ?? (host === undefined ? undefined : `${scheme}://${host}`);
      return own && `${own}${withoutQuery(target.replace(ABSOLUTE, ''))}`;
    },
    // The certificate of a proxy says nothing of its client.
    certificate: () => (isTold ? undefined : peerCertificate(request.socket)),
  };
}

/** The form of a target that names its authority, too (RFC 9112 section 3.2.2). */
const ABSOLUTE = /^https?:\/\/[^/?#]*/i;

const NAMES = [
  ':authority',
  'authorization',
  'dpop',
  'forwarded',
  'host',
  'x-api-key',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
] as const;
type Name = (typeof NAMES)[number];

type Fields = Readonly<Record<Name, readonly string[]>>;

const NONE: readonly string[] = Object.freeze([]);
const NAMED: ReadonlySet<string> = new Set(NAMES);

function fieldsOf(raw: readonly string[]): Fields {
  const seen: Record<Name, readonly string[]> = {
    ':authority': NONE,
    authorization: NONE,
    dpop: NONE,
    forwarded: NONE,
    host: NONE,
    'x-api-key': NONE,
    'x-forwarded-for': NONE,
    'x-forwarded-host': NONE,
    'x-forwarded-proto': NONE,
    'x-request-id': NONE,
  };
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (!NAMED.has(name)) continue;
    const values = seen[name as Name];
    const value = raw[at + 1] ?? '';
    seen[name as Name] = values.length === 0 ? [value] : [...values, value];
  }
  return seen;
}

function hopsIn({ forwarded, 'x-forwarded-for': forwardedFor }: Fields): ToldHops {
  return { forwarded, forwardedFor };
}

/** How the client called the first of our proxies, in the words of the one field that they write. */
function toldBy(seen: Fields, client: Client, header: 'x-forwarded-for' | 'forwarded'): Pick<Client, 'host' | 'proto'> {
  if (header === 'forwarded') return client;
  return { host: single(seen['x-forwarded-host']), proto: single(seen['x-forwarded-proto']) };
}

/** The value of a field that was sent once. */
function single(values: readonly string[]): string | undefined {
  return values.length === 1 ? values[0] : undefined;
}
