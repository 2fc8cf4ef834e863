/** The header fields that an upstream receives: the client's, less what is not its to say, and then ours. */
import type { Credential, Principal } from '@tessera/verify';
import type { CompiledRoute } from '../core/compiled-route.ts';
import { fieldKey } from '../core/field-key.ts';
import { fill, fillingOf } from '../core/placeholders.ts';
import type { Incoming } from '../http/edge.ts';
import { addIdentity } from '../http/identity.ts';
import { connectionNamed, isHopByHop } from './hop-headers.ts';

export interface Admitted {
  readonly route: CompiledRoute;
  /** Undefined where it is not ours to take out. */
  readonly credential: Credential | undefined;
  /** Undefined where nobody is shown to ask: nobody is named to the upstream then. */
  readonly principal: Principal | undefined;
}

/**
 * Name and value by turns. Host is left to the connection, which sends that of the upstream; the client's goes into
 * `X-Forwarded-Host`. Our own fields come last and from nowhere else, but a route may replace the forwarding ones.
 */
export function upstreamFields(incoming: Incoming, { route, credential, principal }: Admitted): string[] {
  const { fields, connection, origin, requestId, bodyBytes, certificate } = incoming;
  const changes = credential?.parameter === undefined ? route.transform.request : route.queryCredential?.request;
  const { touched, set, filled } = changes ?? route.transform.request;
  const named = connectionNamed(connection);
  const takesOut = credential !== undefined && !route.keepCredential;
  const sent: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const lower = name.toLowerCase();
    if (isHopByHop(lower) || named.has(lower)) continue;
    if (touched.size > 0 && (touched.has(lower) || touched.has(fieldKey(lower)))) continue;
    // The proof (RFC 9449) goes with the credential: it is good for nobody but us.
    if (takesOut && (lower === credential.field || lower === 'dpop')) continue;
    sent.push(name, fields[at + 1] ?? '');
  }
  if (bodyBytes !== undefined && bodyBytes > 0) sent.push('Content-Length', String(bodyBytes));
  for (const text of set) sent.push(text);
  if (filled !== undefined) {
    const filling = fillingOf(requestId, principal);
    for (const { name, template } of filled) sent.push(name, fill(template, filling));
  }
  if (!touched.has('x-forwarded-for')) sent.push('X-Forwarded-For', origin.hops);
  if (!touched.has('x-forwarded-host')) sent.push('X-Forwarded-Host', origin.authority);
  if (!touched.has('x-forwarded-proto')) sent.push('X-Forwarded-Proto', origin.scheme);
  if (!touched.has('x-request-id')) sent.push('X-Request-Id', requestId);
  // A byte sequence of RFC 8941, as RFC 9440 section 2.2 has it.
  if (route.tellsCertificate && certificate !== undefined && !touched.has('client-cert'))
    sent.push('Client-Cert', `:${certificate.der}:`);
  if (principal !== undefined) addIdentity(sent, principal);
  return sent;
}
