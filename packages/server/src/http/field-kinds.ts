/** What each header field of a request is to us. One table: what is ours, what is stripped, what is looked at. */
import { fieldKey } from '../core/field-key.ts';

export type FieldKind =
  /** Belongs to client and upstream; passes. */
  | 'plain'
  /** Never passes, whoever sent it. */
  | 'stripped'
  | LookedAt;

/** Fields whose values the edge reads. */
export type LookedAt =
  | 'host'
  | 'authorization'
  | 'apiKey'
  | 'dpop'
  | 'requestId'
  | 'forwarded'
  | 'forwardedFor'
  | 'forwardedHost'
  | 'forwardedProto'
  | 'contentLength'
  | 'transferEncoding'
  | 'connection'
  | 'upgrade';

const RESERVED_PREFIXES = [
  // Upstreams take these from us as the truth; a client that could send them would choose who it is.
  'x-tessera-',
  'x-forwarded-',
  // Certificates of clients, as TLS ends tell of them in their own words.
  'ssl-client-',
  'x-ssl-client-',
  'x-client-cert',
  'x-amzn-mtls-',
] as const;

const named: Readonly<Record<string, FieldKind>> = {
  host: 'host',
  authorization: 'authorization',
  'x-api-key': 'apiKey',
  dpop: 'dpop',
  'x-request-id': 'requestId',
  forwarded: 'forwarded',
  'x-forwarded-for': 'forwardedFor',
  'x-forwarded-host': 'forwardedHost',
  'x-forwarded-proto': 'forwardedProto',
  'content-length': 'contentLength',
  'transfer-encoding': 'transferEncoding',
  connection: 'connection',
  upgrade: 'upgrade',
  // Met or refused by the listener.
  expect: 'stripped',
  // Client addresses by other names: the upstream would believe what a stranger wrote.
  'forwarded-for': 'stripped',
  'x-forwarded': 'stripped',
  'x-original-forwarded-for': 'stripped',
  'x-real-ip': 'stripped',
  'x-client-ip': 'stripped',
  'x-cluster-client-ip': 'stripped',
  'x-originating-ip': 'stripped',
  'x-remote-ip': 'stripped',
  'x-remote-addr': 'stripped',
  'cf-connecting-ip': 'stripped',
  'cf-connecting-ipv6': 'stripped',
  'fastly-client-ip': 'stripped',
  'true-client-ip': 'stripped',
  'cf-pseudo-ipv4': 'stripped',
  'fly-client-ip': 'stripped',
  'do-connecting-ip': 'stripped',
  'x-appengine-user-ip': 'stripped',
  'x-azure-clientip': 'stripped',
  'x-azure-socketip': 'stripped',
  'x-envoy-external-address': 'stripped',
  // Certificates of clients as a TLS end tells them (RFC 9440).
  'client-cert': 'stripped',
  'client-cert-chain': 'stripped',
  'x-arr-clientcert': 'stripped',
  // A variable of that name sends the requests of CGI programs by another proxy (CVE-2016-5385).
  proxy: 'stripped',
  // Another path or method than the one that was judged.
  'x-original-url': 'stripped',
  'x-original-uri': 'stripped',
  'x-original-host': 'stripped',
  'x-original-path': 'stripped',
  'x-envoy-original-path': 'stripped',
  'x-original-method': 'stripped',
  'x-rewrite-url': 'stripped',
  'x-http-method': 'stripped',
  'x-http-method-override': 'stripped',
  'x-method-override': 'stripped',
};

const PLAIN = [
  'Accept',
  'Accept-Encoding',
  'Accept-Language',
  'Cache-Control',
  'Content-Type',
  'Cookie',
  'If-None-Match',
  'Origin',
  'Referer',
  'User-Agent',
  'traceparent',
];

/** The spellings that clients use, so that most fields cost one look-up. */
const spelled = new Map<string, FieldKind>(
  [...Object.entries(named), ...PLAIN.map((name) => [name, 'plain'] as const)].flatMap(([name, kind]) => [
    [name, kind],
    [name.toLowerCase(), kind],
    [name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()), kind],
  ]),
);

export function fieldKind(name: string): FieldKind {
  return spelled.get(name) ?? unusual(name);
}

/** Another spelling of a field that means something here never passes. */
function unusual(name: string): FieldKind {
  const lower = name.toLowerCase();
  const plain = fieldKey(lower);
  const known = Object.hasOwn(named, plain) ? named[plain] : undefined;
  if (known !== undefined) return plain === lower ? known : 'stripped';
  return RESERVED_PREFIXES.some((prefix) => plain.startsWith(prefix)) ? 'stripped' : 'plain';
}
