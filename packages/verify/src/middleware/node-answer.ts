/** An outcome on a response of node:http or node:http2. */
import type { ServerResponse } from 'node:http';
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
  endWith(response, passed);
}

/** What is held ends with the answer. A client may be gone before the verdict was there. */
export function endWith(response: ServerResponse, { held }: Passed): void {
  if (held === undefined) return;
  if (response.destroyed) held.end('keep');
  else response.once('close', () => held.end('keep'));
}
