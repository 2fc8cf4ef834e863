/** The one edge: what a request is, before any routing. Whatever only the platform may say is stripped here, for every door. */
import type { IncomingMessage } from 'node:http';
import {
  type Client,
  clientAddress,
  isRequestId,
  newRequestId,
  type Presented,
  peerAddress,
  type TrustedProxies,
  trustedProxies,
} from '@tessera/verify';
import { arrivalOf, type ClientCertificate } from './arrival.ts';
import { type Problem, problem } from './problem.ts';
import { type SortedFields, sortFields } from './sorted-fields.ts';
import { type Authority, parseAuthority, parseTarget } from './target.ts';

export interface EdgeOptions {
  /** Peers that are believed about the client: by `X-Forwarded-For`, `-Host` and `-Proto`, or by `Forwarded`. */
  readonly trusted: TrustedProxies;
  readonly maxTargetBytes: number;
  readonly maxFields: number;
}

const DEFAULTS: EdgeOptions = { trusted: trustedProxies([]), maxTargetBytes: 8192, maxFields: 200 };

export function edgeOptions(parts: Partial<EdgeOptions> = {}): EdgeOptions {
  return Object.freeze({ ...DEFAULTS, ...parts });
}

export interface Incoming {
  readonly requestId: string;
  readonly method: string;
  /** Host name without port, lower case: what routes match. */
  readonly host: string;
  /** Canonical path: what routes match, and what is sent. */
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  /** Client address as the trusted hops tell it; undefined: unknown. */
  readonly address: string | undefined;
  readonly presented: Presented;
  /** The proof of possession (RFC 9449). */
  readonly dpop: string | undefined;
  /** Header fields as they were sent, name and value by turns, without those that only we may send to an upstream. */
  readonly fields: readonly string[];
  /** As the client addressed us: what trusted hops tell, else this connection. */
  readonly origin: { readonly scheme: 'http' | 'https'; readonly authority: string; readonly hops: string };
  /** It came in clear from outside: whatever it carries may have been read on the way. */
  readonly exposed: boolean;
  /** Of the client, verified at the handshake; undefined: none. */
  readonly certificate: ClientCertificate | undefined;
  /** Bytes of the body; undefined: chunked. */
  readonly bodyBytes: number | undefined;
  /** Values of the Connection fields: names of fields that end here. */
  readonly connection: readonly string[];
  /** Protocols that the client offers to change to. */
  readonly upgrade: string | undefined;
}

export interface Refusal {
  readonly requestId: string;
  readonly problem: Problem;
}

/** Reads a request, or says why it is not well formed. One pass over the header fields. */
export function receive(request: IncomingMessage, options: EdgeOptions): Incoming | Refusal {
  const seen = sortFields(request.rawHeaders);
  const own = single(seen.requestId);
  const requestId = own !== undefined && isRequestId(own) ? own : newRequestId();
  // Where one request was not understood, what follows it on the connection may be part of it.
  const refuse = (refusal: Problem): Refusal => ({
    requestId,
    problem: { ...refusal, headers: { ...refusal.headers, Connection: 'close' } },
  });
  const target = request.url ?? '';
  if (target.length > options.maxTargetBytes) return refuse(problem('uri_too_long'));
  if (request.rawHeaders.length > options.maxFields * 2) return refuse(problem('headers_too_large'));
  const fault = faultOf(request, seen);
  if (fault !== undefined) return refuse(problem('invalid_request', { detail: fault }));
  const method = request.method ?? '';
  // TRACE would show credentials to scripts, and CONNECT would make a tunnel of us.
  if (method === 'TRACE' || method === 'CONNECT')
    return refuse(problem('method_not_allowed', { headers: { Allow: METHODS } }));
  const host = parseAuthority(single(seen.host) ?? '');
  if (host === undefined) return refuse(problem('invalid_request', { detail: 'Exactly one valid Host is required.' }));
  const parsed = parseTarget(target, host);
  if (parsed === undefined)
    return refuse(problem('invalid_request', { detail: 'The request target is ambiguous or not valid.' }));
  const peer = peerAddress(request.socket.remoteAddress);
  const arrival = arrivalOf(request.socket);
  const client = forwardedBy(peer, { seen, host, own: arrival.secure ? 'https' : 'http' }, options.trusted);
  return {
    requestId,
    method,
    host: host.name,
    path: parsed.path,
    query: parsed.query,
    address: client.address,
    presented: { authorization: seen.authorization, apiKey: seen.apiKey, query: parsed.query },
    dpop: seen.dpop[0],
    fields: seen.fields,
    origin: client,
    exposed: arrival.exposed && client.scheme === 'http',
    certificate: arrival.certificate,
    bodyBytes: seen.transferEncoding.length > 0 ? undefined : Number(seen.contentLength[0] ?? 0),
    connection: seen.connection,
    upgrade: seen.upgrade.length === 0 ? undefined : seen.upgrade.join(','),
  };
}

/** For `Allow`, where a method is taken nowhere. */
export const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

const LENGTH = /^(?:0|[1-9][0-9]{0,14})$/;

/** Where two readers could see two different messages, there is none (RFC 9112 section 6.3). */
function faultOf(request: IncomingMessage, seen: SortedFields): string | undefined {
  const { httpVersion } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'HTTP/1.1 or HTTP/1.0 is required.';
  if (seen.contentLength.length > 0) {
    if (seen.contentLength.length > 1 || !LENGTH.test(seen.contentLength[0] ?? ''))
      return 'Content-Length is not valid.';
    if (seen.transferEncoding.length > 0) return 'Content-Length and Transfer-Encoding contradict each other.';
  }
  if (seen.transferEncoding.length > 0) {
    const [coding = ''] = seen.transferEncoding;
    if (seen.transferEncoding.length > 1 || coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')
      return 'The only transfer coding is chunked, once, in HTTP/1.1.';
  }
  // RFC 9449 section 4.3, step 1.
  return seen.dpop.length > 1 ? 'More than one DPoP proof.' : undefined;
}

interface Origin extends Pick<Client, 'address' | 'hops'> {
  readonly scheme: 'http' | 'https';
  readonly authority: string;
}

/** What the hop before us says of the client, where it is trusted to; else nothing it says counts. */
function forwardedBy(
  peer: string | undefined,
  { seen, host, own }: { readonly seen: SortedFields; readonly host: Authority; readonly own: Origin['scheme'] },
  trusted: TrustedProxies,
): Origin {
  if (trusted.nobody || peer === undefined || !trusted.includes(peer, 0)) {
    const address = trusted.isCertain() ? peer : undefined;
    return { address, hops: peer ?? 'unknown', scheme: own, authority: host.text };
  }
  const client = clientAddress(peer, seen, trusted);
  const isTold = trusted.header === 'forwarded';
  const proto = isTold ? client.proto : single(seen.forwardedProto);
  const told = isTold ? client.host : single(seen.forwardedHost);
  return {
    address: client.address,
    hops: client.hops,
    scheme: proto === undefined ? own : proto === 'https' ? 'https' : 'http',
    authority: parseAuthority(told ?? '')?.text ?? host.text,
  };
}

/** The value of a field that was sent once. */
function single(values: readonly string[]): string | undefined {
  return values.length === 1 ? values[0] : undefined;
}
