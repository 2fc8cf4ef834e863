/** The body of a request on its way to an upstream, at the pace of the slower side. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Bounds } from '../core/compiled-bounds.ts';

export interface UploadBounds extends Bounds {
  /** Longest silence of a client that is waited for. */
  readonly stallMs: number;
}

type Reason = 'stalled' | 'aborted' | 'late' | 'too_large';

/** Why an upload ended before its end. */
export class UploadError extends Error {
  override readonly name = 'UploadError';
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(`the request body was ${reason.replace('_', ' ')}`);
    this.reason = reason;
  }
}

/**
 * The body as a stream of its own: an upstream that fails destroys what it reads from, and the client's connection must
 * outlive that to hear of it. Errors with an UploadError where the client goes away, is silent for so long while the
 * upstream waits for it, or goes over a bound: then the upstream must not take the half for the whole.
 */
export function upload(request: IncomingMessage, { stallMs, maxBodyBytes, requestTimeoutMs }: UploadBounds): Readable {
  let left = maxBodyBytes;
  const late = setTimeout(() => body.destroy(new UploadError('late')), requestTimeoutMs);
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
      clearTimeout(late);
      pause();
      request.off('data', push).off('end', end).off('close', gone);
      done(error);
    },
  });
  const push = (chunk: Uint8Array): void => {
    waiting?.refresh();
    left -= chunk.length;
    if (left < 0) body.destroy(new UploadError('too_large'));
    else if (!body.push(chunk)) pause();
  };
  const end = (): void => {
    clearTimeout(late);
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
