/** One request exactly as it is asked for: any target, fields more than once, from any address of loopback. */
import { Buffer } from 'node:buffer';
import { type IncomingHttpHeaders, type RequestOptions as NodeOptions, request as plain } from 'node:http';
import { request as secure } from 'node:https';
import type { Socket } from 'node:net';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The connection, where the answer was 101. */
  readonly socket: Socket | undefined;
}

export interface SendOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  readonly from?: string;
  /** Of https: the certificate that is trusted, and the name it is for. */
  readonly tls?: { readonly ca: string; readonly servername: string };
  readonly agent?: NodeOptions['agent'];
}

const PATIENCE_MS = 30_000;

/** Rejects where the connection ends without an answer. */
export function send(origin: string, target: string, options: SendOptions = {}): Promise<Reply> {
  const { protocol, hostname, port } = new URL(origin);
  const { method = 'GET', headers = {}, body, from, tls, agent = false } = options;
  return new Promise((resolve, reject) => {
    const request = (protocol === 'https:' ? secure : plain)({
      host: hostname,
      port,
      method,
      path: target,
      agent,
      headers: headers as Record<string, string>,
      timeout: PATIENCE_MS,
      ...(from !== undefined && { localAddress: from }),
      ...tls,
    });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    request.on('upgrade', ({ statusCode = 0, headers: received }, socket: Socket) => {
      resolve({ status: statusCode, headers: received, text: '', socket });
    });
    request.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => void parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, socket: undefined });
      });
    });
    request.end(body);
  });
}
