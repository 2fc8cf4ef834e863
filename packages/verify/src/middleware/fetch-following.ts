/** A call to a handler of the Fetch standard, until its answer is over: the body goes on for no longer than its token may get it. */
import type { LiveCall } from '../live/live-calls.ts';
import { refusedResponse } from './fetch-answer.ts';
import type { Passed, Refused } from './outcome.ts';

export interface FollowedHandler {
  /** What is answered: what the handler said, or the refusal where its token ended meanwhile. */
  answer(response: Response): Response;
  /** The handler is done. */
  handled(): void;
}

export function followHandler(passed: Passed, method: string): FollowedHandler {
  let refusal: Refused | undefined;
  const call = passed.follow((refused) => {
    refusal = refused;
  });
  return {
    answer(response) {
      if (refusal === undefined) return withFollowedBody(response, passed, method);
      void response.body?.cancel().catch(ignore);
      return refusedResponse(refusal, method);
    },
    handled() {
      call.end();
      passed.held?.end('keep');
    },
  };
}

/** To HEAD no body is sent; and a change of protocols (101) cannot be made again. */
function withFollowedBody(response: Response, passed: Passed, method: string): Response {
  const { body, status } = response;
  if (body === null || status < 200 || method === 'HEAD') return response;
  return new Response(followedBody(body, passed), response);
}

const ENDED = 'the token may no longer get this answer';

/** Followed from the first byte that is asked for: a body that nobody reads leaves nothing behind. */
function followedBody(body: ReadableStream<Uint8Array>, { follow }: Passed): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let call: LiveCall | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        call ??= follow(() => {
          const error = new Error(ENDED);
          controller.error(error);
          reader.cancel(error).catch(ignore);
        });
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          call.end();
          controller.close();
        } catch (error) {
          call.end();
          throw error;
        }
      },
      cancel(reason) {
        call?.end();
        return reader.cancel(reason);
      },
    },
    // What is read ahead would be followed before anybody asks for it.
    { highWaterMark: 0 },
  );
}

/** Of what is given up nobody wants to hear how that went. */
function ignore(): void {}
