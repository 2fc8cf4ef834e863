/** What each header field of a request is to us. One table: what is ours, what is stripped, what is looked at. */

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

/** Upstreams take these from us as the truth; a client that could send them would choose who it is. */
const RESERVED_PREFIXES = ['x-tessera-', 'x-forwarded-'] as const;

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
  // Certificates of clients as a TLS end tells them (RFC 9440).
  'client-cert': 'stripped',
  'client-cert-chain': 'stripped',
  // Another path or method than the one that was judged.
  'x-original-url': 'stripped',
  'x-original-uri': 'stripped',
  'x-original-host': 'stripped',
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

/** CGI, WSGI and others read `_` and `.` as `-`: such a spelling of a field that means something here never passes. */
function unusual(name: string): FieldKind {
  const lower = name.toLowerCase();
  const alias = lower.includes('_') || lower.includes('.');
  const plain = alias ? lower.replace(/[_.]/g, '-') : lower;
  const known = Object.hasOwn(named, plain) ? named[plain] : undefined;
  if (known !== undefined) return alias ? 'stripped' : known;
  return RESERVED_PREFIXES.some((prefix) => plain.startsWith(prefix)) ? 'stripped' : 'plain';
}
