/**
 * A request of HTTP/2 in the words of HTTP/1.1, as RFC 9113 section 8.1 lets an intermediary say it, so that every door
 * reads one kind of request. It has the members of IncomingMessage that doors use, with the same meaning.
 */
import type { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';

/** What stands for the socket: of the connection it tells, and what it cuts is the stream alone. */
export type StreamConnection = Pick<Socket, 'remoteAddress' | 'destroyed' | 'destroy' | 'resetAndDestroy'>;

type Members =
  | 'method'
  | 'url'
  | 'httpVersion'
  | 'rawHeaders'
  | 'headers'
  | 'headersDistinct'
  | 'complete'
  | 'readableEnded';

export interface Http2Head {
  readonly method: string;
  readonly path: string;
  /** Name and value by turns: no pseudo-header fields, one Host, one Cookie, and Transfer-Encoding where the length is unknown. */
  readonly fields: readonly string[];
}

export class Http2Request extends Readable implements Pick<IncomingMessage, Members> {
  readonly httpVersion = '1.1';
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: string[];
  readonly socket: StreamConnection;
  /** The client said that this is all of it. Never true of a stream that was reset: half a body is no body. */
  complete: boolean;
  readonly #stream: ServerHttp2Stream;
  #reading = false;

  constructor(stream: ServerHttp2Stream, { method, path, fields }: Http2Head, socket: StreamConnection) {
    super();
    this.#stream = stream;
    this.method = method;
    this.url = path;
    this.rawHeaders = [...fields];
    this.socket = socket;
    this.complete = stream.endAfterHeaders;
    if (this.complete) this.push(null);
    // A reset ends the stream in the eyes of Node, too; `aborted` and `closed` tell it from an end that the client meant.
    stream.on('aborted', () => this.destroy());
    stream.on('end', () => {
      if (stream.aborted || stream.closed) return;
      this.complete = true;
      this.push(null);
    });
    stream.on('close', () => this.destroy());
  }

  get headers(): IncomingHttpHeaders {
    const all = Object.entries(this.headersDistinct).map(([name, values = []]) => [name, values.join(', ')]);
    return Object.fromEntries(all) as IncomingHttpHeaders;
  }

  get headersDistinct(): NodeJS.Dict<string[]> {
    const distinct: NodeJS.Dict<string[]> = Object.create(null) as NodeJS.Dict<string[]>;
    for (let at = 0; at + 1 < this.rawHeaders.length; at += 2) {
      const name = this.rawHeaders[at] ?? '';
      const value = this.rawHeaders[at + 1] ?? '';
      const values = distinct[name];
      if (values === undefined) distinct[name] = [value];
      else values.push(value);
    }
    return distinct;
  }

  override _read(): void {
    if (this.#reading) {
      this.#stream.resume();
      return;
    }
    this.#reading = true;
    this.#stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) this.#stream.pause();
    });
  }

  /** As over HTTP/1.1, whoever lets go of a body that is not whole ends the exchange. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const stream = this.#stream;
    if (!this.complete && !stream.closed) {
      // RFC 9113 section 8.1: with NO_ERROR the client keeps the answer that it has got.
      if (stream.writableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
      else reset(stream);
    }
    done(error);
  }
}

/**
 * Cuts a stream, so that the other side sees RST_STREAM and no end. Not `close`, whatever its code: before the reset that
 * sends what looks like the regular end of the answer.
 */
export function reset(stream: ServerHttp2Stream): void {
  stream.destroy(new Error('the exchange was cut'));
}
