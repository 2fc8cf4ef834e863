/** The handshake of a WebSocket (RFC 6455 section 4): which request may ask for one, and which answer grants it. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Incoming } from '../http/edge.ts';
import { type Problem, problem } from '../http/problem.ts';
import { fieldOf } from '../http/sorted-fields.ts';

/** Whether a request asks for a WebSocket and nothing else: one with a body, or with several offers, does not. */
export function asksForWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['transfer-encoding'] === undefined &&
    (headers['content-length'] ?? '0') === '0'
  );
}

/** The client's half of the handshake. */
export interface Handshake {
  readonly key: string;
}

/**
 * What an accepted request's offer of another protocol comes to: a WebSocket's handshake, a refusal, or nothing.
 * `connection` is there where the listener let the request change its protocol.
 */
export function offeredProtocol(
  { upgrade, bodyBytes, fields }: Incoming,
  connection: Socket | undefined,
): Handshake | Problem | undefined {
  // An offer of HTTP/2 may be ignored (RFC 9110 section 7.8), and is: the connection stays as it is.
  if (upgrade === undefined || upgrade.toLowerCase() === 'h2c') return undefined;
  if (bodyBytes !== 0) return problem('invalid_request', { detail: 'A request to change the protocol has no body.' });
  return connection === undefined ? problem('upgrade_unsupported') : handshakeOf(fields);
}

/** 16 bytes in base64, in their one canonical spelling. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Upstreams must not be the first to look. */
function handshakeOf(fields: readonly string[]): Handshake | Problem {
  if (fieldOf(fields, 'sec-websocket-version') !== '13')
    return problem('websocket_version', { headers: { 'Sec-WebSocket-Version': '13' } });
  const key = fieldOf(fields, 'sec-websocket-key');
  return key !== undefined && KEY.test(key)
    ? { key }
    : problem('invalid_request', { detail: 'Exactly one valid Sec-WebSocket-Key is required.' });
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * Whether an answer of 101 speaks of this handshake. An upstream that merely copies an answer from elsewhere, or changes to
 * another protocol, has not accepted it; the client would refuse it, and what follows is nobody's.
 */
export function grantsWebSocket(headers: Readonly<IncomingHttpHeaders>, { key }: Handshake): boolean {
  const expected = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return headers.upgrade?.toLowerCase() === 'websocket' && headers['sec-websocket-accept'] === expected;
}
