/** Runs the handler for one request: whatever it throws, now or later, ends in an answer or in a cut. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { newRequestId } from '@tessera/verify';
import type { ListenOptions } from './listen-options.ts';
import { problem } from './problem.ts';
import { sendProblem } from './send.ts';

export function run(
  { handler, onError }: Pick<ListenOptions, 'handler' | 'onError'>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const fail = (error: unknown): void => {
    onError(error);
    // Half an answer must not look like a whole one.
    if (response.headersSent) response.destroy();
    else sendProblem(response, problem('internal'), { requestId: newRequestId() });
  };
  try {
    const done = handler(request, response);
    if (done instanceof Promise) done.catch(fail);
  } catch (error) {
    fail(error);
  }
}
