/** The body of a request on its way to an upstream, at the pace of the slower side. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Why an upload ended before its end. */
export class UploadError extends Error {
  override readonly name = 'UploadError';
  readonly reason: 'stalled' | 'aborted';

  constructor(reason: 'stalled' | 'aborted') {
    super(`the request body was ${reason}`);
    this.reason = reason;
  }
}

/**
 * The body as a stream of its own: an upstream that fails destroys what it reads from, and the client's connection must
 * outlive that to hear of it. Errors with an UploadError where the client goes away, or is silent for so long while the
 * upstream waits for it: then the upstream must not take the half for the whole.
 */
export function upload(request: IncomingMessage, stallMs: number): Readable {
  let waiting: NodeJS.Timeout | undefined;
  const pause = (): void => {
    clearTimeout(waiting);
    waiting = undefined;
    request.pause();
  };
  const body = new Readable({
    read() {
      waiting ??= setTimeout(() => body.destroy(new UploadError('stalled')), stallMs);
      request.resume();
    },
    destroy(error, done) {
      pause();
      request.off('data', push).off('end', end).off('close', gone);
      done(error);
    },
  });
  const push = (chunk: Uint8Array): void => {
    waiting?.refresh();
    if (!body.push(chunk)) pause();
  };
  const end = (): void => {
    body.push(null);
  };
  const gone = (): void => {
    if (!request.complete) body.destroy(new UploadError('aborted'));
  };
  // Whoever reads the body hears of errors; after it has let go, there is nobody left to tell.
  body.on('error', () => {});
  request.on('data', push).on('end', end).on('close', gone);
  request.pause();
  return body;
}
