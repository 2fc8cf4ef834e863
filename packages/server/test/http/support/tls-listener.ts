/** A listener over TLS for tests, with an authority of its own. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { type Authority, certificates, type Pair } from '../../../../../test/support/certificates.ts';
import { listen } from '../../../src/http/listen.ts';
import type {
  Handler,
  Listener,
  ListenLimits,
  RefusedHandshake,
  TlsListening,
} from '../../../src/http/listen-options.ts';

export interface TestTls {
  readonly listener: Listener;
  readonly port: number;
  readonly authority: Authority;
  readonly own: Pair;
  readonly refused: RefusedHandshake[];
  readonly errors: unknown[];
  /** A raw connection over TLS. Resolves after the handshake, rejects where that fails. */
  secure(options?: ConnectionOptions): Promise<TLSSocket>;
  /** A session of HTTP/2. */
  session(): ClientHttp2Session;
  close(): Promise<void>;
}

export interface TestTlsOptions {
  readonly handler: Handler;
  readonly limits?: Partial<ListenLimits>;
  readonly clientCertificates?: TlsListening['clientCertificates'];
  /** Revoked certificates of clients. */
  readonly crl?: string;
}

export const NAME = 'tessera.test';

export async function tlsListener(options: TestTlsOptions, authority = certificates()): Promise<TestTls> {
  const own = authority.server([NAME]);
  const refused: RefusedHandshake[] = [];
  const errors: unknown[] = [];
  const listener = await listen({
    handler: options.handler,
    host: '127.0.0.1',
    port: 0,
    onError: (error) => errors.push(error),
    limits: options.limits ?? {},
    tls: {
      context: {
        cert: own.certificatePem,
        key: own.keyPem,
        ca: authority.certificatePem,
        ...(options.crl !== undefined && { crl: options.crl }),
      },
      clientCertificates: options.clientCertificates ?? 'off',
      onRefused: (reason) => refused.push(reason),
    },
  });
  const { port } = listener;
  const trusting = { port, host: '127.0.0.1', servername: NAME, ca: authority.certificatePem };
  const sessions = new Set<ClientHttp2Session>();
  return {
    listener,
    port,
    authority,
    own,
    refused,
    errors,
    async secure(more = {}) {
      const socket = connect({ ...trusting, ...more });
      await once(socket, 'secureConnect');
      return socket;
    },
    session() {
      const session = connectHttp2(`https://${NAME}:${port}`, { ...trusting });
      session.on('error', () => {});
      sessions.add(session);
      return session;
    },
    async close() {
      for (const session of sessions) session.destroy();
      await listener.close(0);
      authority.remove();
    },
  };
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** 0: ended as it should. Else the code that the stream was reset with. */
  readonly code: number;
}

/** One request, and how it ended, whatever the end. */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  send: (stream: ClientHttp2Stream) => void = (stream) => stream.end(),
): Promise<Http2Answer> {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: false });
    let head: Record<string, unknown> = {};
    let body = '';
    stream.setEncoding('latin1');
    stream.on('response', (received) => {
      head = { ...received };
    });
    stream.on('data', (chunk) => {
      body += String(chunk);
    });
    stream.on('error', () => {});
    stream.on('close', () =>
      resolve({ status: Number(head[':status'] ?? 0), headers: head, body, code: stream.rstCode ?? 0 }),
    );
    send(stream);
  });
}
