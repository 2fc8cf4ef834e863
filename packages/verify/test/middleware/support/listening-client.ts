/** A client that reads an answer as it comes, in clear, over TLS or over HTTP/2, and tells how it ended. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';

export interface Listening {
  readonly status: number;
  /** What has come so far. */
  heard(): string;
  /** Resolves when there is more than now. */
  more(): Promise<void>;
  /** `broken`: not so that the answer could be taken for a whole one. */
  readonly ended: Promise<'whole' | 'broken'>;
  close(): void;
}

export interface Question {
  readonly over: 'http' | 'https' | 'http2';
  readonly port: number;
  readonly path: string;
  readonly token: string;
}

/** Resolves with the head of the answer; rejects where none came. */
export async function listenTo({ over, port, path, token }: Question): Promise<Listening> {
  const headers = { authorization: `Bearer ${token}` };
  if (over === 'http2') {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    session.on('error', () => {});
    const stream = session.request({ ':path': path, ...headers });
    // A stream that is cancelled closes without an error.
    const head = await Promise.race([once(stream, 'response'), closed(stream)]);
    if (head === undefined) throw Object.assign(new Error('the stream was reset'), { code: 'ERR_HTTP2_STREAM_CANCEL' });
    const [fields] = head as [Record<string, unknown>];
    // A stream that is reset has an end, too.
    const ended = closed(stream).then(() => (stream.rstCode === 0 ? ('whole' as const) : ('broken' as const)));
    return hearing(stream, Number(fields[':status']), { ended, close: () => session.destroy() });
  }
  const ask = over === 'https' ? httpsRequest : httpRequest;
  const request = ask({ host: '127.0.0.1', port, path, headers, agent: false, rejectUnauthorized: false } as object);
  request.end();
  const [answer] = await once(request, 'response');
  request.on('error', () => {});
  const ended = closed(answer).then(() => (answer.complete ? ('whole' as const) : ('broken' as const)));
  return hearing(answer, answer.statusCode, { ended, close: () => request.destroy() });
}

/** Whatever it closes with. */
function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}

function hearing(answer: Readable, status: number, rest: Pick<Listening, 'ended' | 'close'>): Listening {
  let heard = '';
  let wake = Promise.withResolvers<void>();
  answer
    .on('error', () => {})
    .setEncoding('utf8')
    .on('data', (text: string) => {
      heard += text;
      wake.resolve();
      wake = Promise.withResolvers<void>();
    });
  return { status, heard: () => heard, more: () => wake.promise, ...rest };
}
