/**
 * Asking issuers: over TLS, at addresses that were checked, and only there. Every address of a host is checked when it is looked up,
 * and the connection is made to just those, so that a name which changes its mind in between reaches nothing.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { strictJsonObject } from '@tessera/verify/jose';
import { Agent } from 'undici';

export interface Outbound {
  /** The one JSON object that answers. Rejects on anything else: another status, a redirect, too much, too late. */
  json(url: string, asked?: OutboundAsked): Promise<Readonly<Record<string, unknown>>>;
  close(): Promise<void>;
}

export interface OutboundAsked {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as a form by POST; absent: GET. */
  readonly form?: URLSearchParams;
}

export interface OutboundOptions {
  /** Whether connections to an address are refused. */
  readonly isRefused: (address: string) => boolean;
  /** Every address of a host. */
  readonly lookup?: (host: string) => Promise<readonly LookupAddress[]>;
  /** PEM of the authorities that issuers' certificates are from. Absent: those of the runtime. */
  readonly ca?: readonly string[];
  /** For everything, from the look-up to the last byte. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 65_536;
const MAX_HEADER_BYTES = 16_384;
/** To one issuer. */
const MAX_CONNECTIONS = 8;

export function createOutbound(options: OutboundOptions): Outbound {
  const { isRefused, lookup = addressesOf, ca, timeoutMs = TIMEOUT_MS } = options;
  // An agent of its own asks no proxy that the environment names: it would make the connection, unchecked.
  const agent = new Agent({
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    maxResponseSize: MAX_ANSWER_BYTES,
    connectTimeout: timeoutMs,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { lookup: checkedLookup(lookup, isRefused), ...(ca !== undefined && { ca: [...ca] }) },
  });
  return {
    async json(url, { headers = {}, form } = {}) {
      const { origin, pathname, search } = trustworthy(url, isRefused);
      const response = await agent.request({
        origin,
        path: pathname + search,
        method: form === undefined ? 'GET' : 'POST',
        headers: {
          accept: 'application/json, application/jwk-set+json',
          ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
        body: form?.toString() ?? null,
        signal: AbortSignal.timeout(timeoutMs),
      });
      // A redirect is not followed: another host would answer for the issuer.
      if (response.statusCode !== 200) {
        // What is cut off tells so, and whoever listens for nothing else must listen for that.
        response.body.on('error', () => undefined).destroy();
        throw new Error(`the answer has status ${response.statusCode}`);
      }
      const object = strictJsonObject(await response.body.bytes());
      if (object === undefined) throw new Error('the answer is not one JSON object');
      return object;
    },
    close: () => agent.destroy(),
  };
}

/** An address in the URL is looked up by nobody, so it is checked here. URLs have one spelling for each address. */
function trustworthy(text: string, isRefused: (address: string) => boolean): URL {
  const url = new URL(text);
  if (url.protocol !== 'https:') throw new Error('issuers are asked over https only');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && isRefused(host)) throw new Error(`${host} is not an address that issuers may have`);
  return url;
}

function checkedLookup(
  lookup: NonNullable<OutboundOptions['lookup']>,
  isRefused: OutboundOptions['isRefused'],
): LookupFunction {
  return (host, { all }, callback) => {
    lookup(host).then(
      (addresses) => {
        const [first] = addresses;
        const refused = addresses.find(({ address }) => isRefused(address));
        if (first === undefined) callback(new Error(`${host} has no address`), '', 0);
        else if (refused !== undefined)
          callback(new Error(`${host} leads to ${refused.address}, which issuers may not have`), '', 0);
        else if (all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, '', 0),
    );
  };
}

function addressesOf(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
}
