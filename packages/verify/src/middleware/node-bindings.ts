/** What adapters of Node (`@hono/node-server`) hand on beside a `Request`: the request as it came, and its answer. */
import type { ServerResponse } from 'node:http';
import type { NodeRequest } from './node-request.ts';

export interface NodeBindings {
  /** Nothing in it is joined yet. */
  readonly incoming: NodeRequest & { readonly url?: string | undefined };
  readonly outgoing?: ServerResponse;
}

/** Undefined on every other platform. */
export function nodeBindings(env: unknown): NodeBindings | undefined {
  const bindings = (env ?? {}) as Partial<NodeBindings>;
  return Array.isArray(bindings.incoming?.rawHeaders) ? (bindings as NodeBindings) : undefined;
}
