/** An answer over HTTP/2, with the members of ServerResponse that doors use and the same meaning. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { Writable } from 'node:stream';
import { type Http2Request, reset, type StreamConnection } from './http2-request.ts';

/** RFC 9113 section 8.2.2: a message that has one of these is malformed. */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

type Members = 'statusCode' | 'headersSent' | 'shouldKeepAlive' | 'writableNeedDrain';

export class Http2Response extends Writable implements Pick<ServerResponse, Members> {
  readonly req: Http2Request;
  statusCode = 200;
  headersSent = false;
  /** Of no effect: a session ends by GOAWAY, not with an answer. */
  shouldKeepAlive = true;
  readonly #stream: ServerHttp2Stream;
  /** By status or method there is no body, whatever is written. */
  #bodiless = false;
  /** Longest that a client may leave what was written untaken. */
  readonly #unreadTimeoutMs: number;
  #untaken: NodeJS.Timeout | undefined;

  constructor(stream: ServerHttp2Stream, request: Http2Request, unreadTimeoutMs: number) {
    super();
    this.#stream = stream;
    this.req = request;
    this.#unreadTimeoutMs = unreadTimeoutMs;
    stream.on('close', () => this.destroy());
  }

  get socket(): StreamConnection {
    return this.req.socket;
  }

  writeHead(status: number, fields: OutgoingHttpHeaders | readonly string[] = []): this {
    const list = [':status', String(status)];
    const flat = isList(fields) ? fields : Object.entries(fields).flatMap(([name, value]) => [name, String(value)]);
    for (let at = 0; at + 1 < flat.length; at += 2) {
      const name = (flat[at] ?? '').toLowerCase();
      if (!CONNECTION_SPECIFIC.has(name)) list.push(name, flat[at + 1] ?? '');
    }
    this.statusCode = status;
    this.headersSent = true;
    this.#bodiless = this.req.method === 'HEAD' || status === 204 || status === 304;
    if (!this.#stream.closed) this.#stream.respond(list);
    return this;
  }

  writeContinue(): void {
    if (!this.headersSent && !this.#stream.closed) this.#stream.additionalHeaders({ ':status': 100 });
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.headersSent) this.writeHead(this.statusCode);
    if (this.#bodiless || this.#stream.write(chunk)) done();
    else this.#wait('drain', done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.headersSent) this.writeHead(this.statusCode);
    if (this.#stream.writableFinished) done();
    else this.#wait('finish', done);
    this.#stream.end();
  }

  /** A client that opens no window would hold its answers in our memory for as long as it likes. */
  #wait(event: 'drain' | 'finish', done: (error?: Error | null) => void): void {
    this.#untaken = setTimeout(() => this.destroy(), this.#unreadTimeoutMs);
    this.#stream.once(event, () => {
      clearTimeout(this.#untaken);
      done();
    });
  }

  /** Half an answer must not look like a whole one: the stream is reset, and its session goes on. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#untaken);
    if (!this.writableFinished && !this.#stream.closed) reset(this.#stream);
    done(error);
  }
}

function isList(fields: OutgoingHttpHeaders | readonly string[]): fields is readonly string[] {
  return Array.isArray(fields);
}
