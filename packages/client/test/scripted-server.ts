/** A real HTTP server that answers what a test tells it to, and keeps what it was sent. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** What the next requests get, in order; the last answer repeats. */
  script(...answers: readonly Answer[]): void;
}

export async function scriptedServer(): Promise<ScriptedServer> {
  const received: Received[] = [];
  let answers: Answer[] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    text(request).then(
      (body) => {
        received.push({ method, url, headers, body });
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        (answer ?? json(200, {}))(response, request);
      },
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    script: (...next) => {
      answers = [...next];
      received.length = 0;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

export function problem(
  status: number,
  members: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return json(
    status,
    { type: 'about:blank', status, ...members },
    { 'content-type': 'application/problem+json', ...headers },
  );
}

/** Ends the connection without an answer. */
export const hangUp: Answer = (response) => {
  response.destroy();
};
