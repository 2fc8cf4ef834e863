/** The moment a WebSocket begins: the upstream's 101 is checked, passed on, and both connections become one tunnel. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FlatFields } from '@tessera/verify';
import { type AnswerChanges, clientFields } from './client-fields.ts';
import { type Tunnel, tunnel } from './tunnel.ts';
import { grantsWebSocket, type Handshake } from './websocket.ts';

export interface Switching {
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** The upstream's connection; what it sent behind its answer is read next. */
  readonly socket: Duplex;
  readonly webSocket: Handshake | undefined;
  readonly tunnelIdleMs: number;
  readonly requestId: string;
  readonly rates: FlatFields;
  readonly changes: AnswerChanges;
}

/** Undefined where this is no answer to the handshake: then the upstream's connection is gone, and the client has heard nothing. */
export function switched(response: ServerResponse, switching: Switching): Tunnel | undefined {
  const { headers, socket, webSocket, tunnelIdleMs, ...ours } = switching;
  const client = response.socket;
  if (client === null || webSocket === undefined || !grantsWebSocket(headers, webSocket)) {
    socket.on('error', () => {});
    socket.destroy();
    return undefined;
  }
  const sent = clientFields(headers, ours);
  let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  for (let at = 0; at + 1 < sent.length; at += 2) head += `${sent[at]}: ${sent[at + 1]}\r\n`;
  client.write(`${head}\r\n`, 'latin1');
  return tunnel({ client, upstream: socket, idleMs: tunnelIdleMs });
}
