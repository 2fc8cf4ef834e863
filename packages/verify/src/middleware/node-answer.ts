/** An outcome on a response of node:http or node:http2. */
import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Passed, Refused } from './outcome.ts';

export function answerRefused(response: ServerResponse, { status, fields, text }: Refused): void {
  response.writeHead(status, [...fields]);
  response.end(text);
}

/** Before the handler: its answer carries how limits stand. */
export function preparePassed(response: ServerResponse, passed: Passed): void {
  const { fields, unknownToCaches } = passed;
  for (let at = 0; at + 1 < fields.length; at += 2) response.setHeader(fields[at] ?? '', fields[at + 1] ?? '');
  if (unknownToCaches) response.setHeader('Cache-Control', 'private');
  followAnswer(response, passed);
}

/** What is held ends with the answer, which goes on for no longer than its token may get it. A client may be gone before the verdict was there. */
export function followAnswer(response: ServerResponse, { held, follow }: Passed): void {
  if (response.destroyed) {
    held?.end('keep');
    return;
  }
  const call = follow(() => cutOff(response));
  response.once('close', () => {
    call.end();
    held?.end('keep');
  });
}

/** RFC 9113 section 7. */
const CANCEL = 0x8;

/**
 * The connection is reset, or the stream: nothing of the answer must look whole, and a refusal in its place would meet what the handler
 * still writes. Node resets connections of TCP alone, and throws for all others.
 */
function cutOff({ req }: ServerResponse): void {
  const { stream } = req as { readonly stream?: Pick<ServerHttp2Stream, 'close'> };
  if (stream !== undefined) stream.close(CANCEL);
  else if ('encrypted' in req.socket) req.socket.destroy();
  else req.socket.resetAndDestroy();
}
