/** The header section of an HTTP/2 request, from nghttp2's list to the fields that a request of HTTP/1.1 would have. */
import type { Http2Head } from './http2-request.ts';

export interface ReadHead extends Http2Head {
  /** Why it is refused, where nghttp2 took it for well formed. */
  readonly fault: string | undefined;
  /** As RFC 9113 section 6.5.2 counts a header section: each field with 32 beside its own. */
  readonly bytes: number;
  readonly expects: 'nothing' | 'continue' | 'other';
}

/**
 * nghttp2 has refused what RFC 9113 sections 8.2 and 8.3 call malformed: letter case, fields of a connection, pseudo-header
 * fields that are missing, unknown, repeated or late, and a body that is not as long as its Content-Length.
 */
export function headOf(raw: readonly string[], endsHere: boolean): ReadHead {
  const fields: string[] = [];
  const hosts: string[] = [];
  const cookies: string[] = [];
  const expectations: string[] = [];
  const pseudo = { method: '', path: '', scheme: '' };
  let hasLength = false;
  let bytes = 0;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    bytes += name.length + value.length + 32;
    switch (name) {
      case ':method':
        pseudo.method = value;
        break;
      case ':path':
        pseudo.path = value;
        break;
      case ':scheme':
        pseudo.scheme = value;
        break;
      case ':authority':
      case 'host':
        hosts.push(value);
        break;
      case 'cookie':
        cookies.push(value);
        break;
      case 'expect':
        expectations.push(value);
        break;
      default:
        hasLength ||= name === 'content-length';
        fields.push(name, value);
    }
  }
  const [host] = hosts;
  if (host !== undefined) fields.push('host', host);
  // RFC 9113 section 8.2.3: the pieces are one field wherever the protocol is another.
  if (cookies.length > 0) fields.push('cookie', cookies.join('; '));
  // Only a length that is told can be passed on as one: without it the body is chunked.
  if (!endsHere && !hasLength) fields.push('transfer-encoding', 'chunked');
  return {
    method: pseudo.method,
    path: pseudo.path,
    fields,
    bytes,
    fault: faultOf(pseudo, hosts),
    expects: expectationOf(expectations),
  };
}

/**
 * HTTP/1.1 knows methods in capitals alone, and its parser refuses all others. Some servers behind us write them so
 * themselves: a rule for DELETE must not let `delete` pass.
 */
const METHOD = /^[A-Z][A-Z-]{0,31}$/;

function faultOf(
  pseudo: { readonly path: string; readonly scheme: string; readonly method: string },
  hosts: readonly string[],
): string | undefined {
  if (pseudo.method === 'CONNECT') return undefined;
  if (!METHOD.test(pseudo.method)) return 'A method is written in capitals.';
  if (pseudo.scheme !== 'https') return 'The scheme of a request over TLS is https.';
  if (pseudo.path[0] !== '/') return 'The request target is ambiguous or not valid.';
  // RFC 9113 section 8.3.1: where they differ, somebody is being fooled.
  return new Set(hosts.map((host) => host.toLowerCase())).size === 1
    ? undefined
    : 'Exactly one valid Host is required.';
}

function expectationOf(values: readonly string[]): ReadHead['expects'] {
  if (values.length === 0) return 'nothing';
  return values.length === 1 && values[0]?.toLowerCase() === '100-continue' ? 'continue' : 'other';
}
