/** WebSockets as bytes: the handshake of either side, and frames. */
import { createHash } from 'node:crypto';
import type { Answer } from './recording-upstream.ts';
import { valuesOf } from './recording-upstream.ts';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** The header section of a handshake. A field that is named twice is sent twice. */
export function handshake(fields: readonly string[], path = '/ws'): string {
  const own = ['Host: a.test', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  return [`GET ${path} HTTP/1.1`, ...own, `Sec-WebSocket-Key: ${KEY}`, ...fields, '', ''].join('\r\n');
}

/** What a server answers to a request that it takes for a handshake. */
export function acceptance(request: string, ...fields: readonly string[]): string {
  const [key = ''] = valuesOf(request, 'sec-websocket-key');
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const own = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
  return ['HTTP/1.1 101 Switching Protocols', ...own, ...fields, '', ''].join('\r\n');
}

/** Accepts, and sends these bytes right behind. */
export const accepting =
  (bytes = ''): Answer =>
  (request, socket) => {
    socket.write(acceptance(request) + bytes, 'latin1');
  };

/** An unmasked frame, as servers send it. */
export function frame(opcode: number, payload: string, final = true): string {
  const { length } = payload;
  const first = String.fromCharCode((final ? 0x80 : 0) | opcode);
  if (length < 126) return first + String.fromCharCode(length) + payload;
  if (length < 65_536) return `${first}\x7e${String.fromCharCode(length >> 8, length & 0xff)}${payload}`;
  const long = String.fromCharCode(
    0,
    0,
    0,
    0,
    length >>> 24,
    (length >> 16) & 0xff,
    (length >> 8) & 0xff,
    length & 0xff,
  );
  return `${first}\x7f${long}${payload}`;
}

/** Code and reason of the Close frame at the end of what was heard. */
export function closeAtEnd(text: string): { readonly code: number; readonly reason: string } | undefined {
  const at = text.lastIndexOf('\x88');
  if (at < 0 || text.charCodeAt(at + 1) !== text.length - at - 2) return undefined;
  return { code: text.charCodeAt(at + 2) * 256 + text.charCodeAt(at + 3), reason: text.slice(at + 4) };
}
