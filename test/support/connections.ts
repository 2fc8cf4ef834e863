/** Connections that stay open, each asked by itself: with several workers, each belongs to the worker that it was dealt to. */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Told {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

export interface Connection {
  ask(asked: Asked): Promise<Told>;
}

/** So many connections to an origin; what is asked of one at once waits its turn. */
export function connections(origin: string, count: number): { readonly all: readonly Connection[]; close(): void } {
  const agents = Array.from({ length: count }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const all = agents.map((agent) => ({ ask: (asked: Asked) => ask(origin, agent, asked) }));
  return {
    all,
    close() {
      for (const agent of agents) agent.destroy();
    },
  };
}

async function ask(origin: string, agent: Agent, { method = 'GET', path, headers = {}, body }: Asked): Promise<Told> {
  const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const asked = request(new URL(path, origin), { method, agent, headers: { ...json, ...headers } });
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const told = await text(response);
  const isJson = response.headers['content-type']?.includes('json') === true;
  return { status: response.statusCode ?? 0, body: isJson ? JSON.parse(told) : {}, text: told };
}
