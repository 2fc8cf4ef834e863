/** A small upstream that answers with what it received: the first thing a newcomer sees behind the gateway. */

import { listen } from '../http/listen.ts';
import type { Handler, Listener } from '../http/listen-options.ts';
import { sendJson } from '../http/send.ts';

export interface EchoOptions {
  /** Hears of every error that became a 500. Must not throw. */
  readonly onError: (error: unknown) => void;
}

/** Listens on a free port of the loopback interface, for the gateway of the same process alone. */
export function startEcho({ onError }: EchoOptions): Promise<Listener> {
  return listen({ handler: echo, host: '127.0.0.1', port: 0, onError });
}

/** Only the gateway speaks to it, so that the request id is the gateway's. */
const echo: Handler = (request, response) => {
  const { method, url, headers } = request;
  request.resume();
  sendJson(response, 200, { method, path: url, headers }, { requestId: String(headers['x-request-id']) });
};
