/** Reads a request body within its bounds: so many bytes, in so much time. */
import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { ProblemCode } from '@tessera/contract';

export interface BodyLimits {
  readonly maxBytes?: number;
  /** Until the whole body is here, in milliseconds: one that comes a byte at a time is never silent. */
  readonly timeoutMs?: number | undefined;
}

const MAX_BODY_BYTES = 1_048_576;
const BODY_TIMEOUT_MS = 30_000;

/**
 * The whole body, or the code of the problem to answer: `too_large`, `request_timeout`, or `invalid_request` where the
 * client went away. The bytes are counted on the stream itself, whatever Content-Length says. Never rejects.
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits = {}): Promise<Buffer | ProblemCode> {
  const { maxBytes = MAX_BODY_BYTES, timeoutMs = BODY_TIMEOUT_MS } = limits;
  // Most bodies come in one packet with their header section: then all of it is here as soon as the parser has had its
  // turn, and neither a timer nor a listener is needed.
  await Promise.resolve();
  if (request.complete && !request.destroyed) {
    const body = (request.read() as Buffer | null) ?? EMPTY;
    return body.length > maxBytes ? 'too_large' : body;
  }
  return collect(request, { maxBytes, timeoutMs });
}

function collect(
  request: IncomingMessage,
  { maxBytes, timeoutMs }: Required<BodyLimits>,
): Promise<Buffer | ProblemCode> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (outcome: Buffer | ProblemCode): void => {
      clearTimeout(timer);
      request.off('data', take).off('end', end).off('close', gone).off('error', gone);
      if (typeof outcome === 'string') request.pause();
      resolve(outcome);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBytes) settle('too_large');
    };
    const end = (): void => settle(chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks, bytes));
    const gone = (): void => settle('invalid_request');
    const timer = setTimeout(settle, timeoutMs, 'request_timeout');
    if (request.destroyed && !request.complete) gone();
    else if (Number(request.headers['content-length'] ?? 0) > maxBytes) settle('too_large');
    else request.on('data', take).on('end', end).on('close', gone).on('error', gone);
  });
}

const EMPTY = Buffer.alloc(0);
