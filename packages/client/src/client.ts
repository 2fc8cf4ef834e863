/** The client: every operation of the management API by its name, and the same again in readable groups. */
import type { Output } from '@tessera/contract';
import type { AnyCallInput, Call, Reply, Send } from './call-types.ts';
import { type ClientOptions, readOptions } from './client-options.ts';
import { exchange } from './exchange.ts';
import { type Groups, groups } from './groups.ts';
import { makeRequest } from './request.ts';
import { withRetries } from './retry.ts';

export interface Client extends Groups {
  readonly call: Call;
  readonly send: Send;
}

/**
 * A client of one platform, with one token. Calls that may be repeated (GET, and POST under its `Idempotency-Key`) are
 * tried again on network errors, 429 and 503, within bounds. What fails throws a `TesseraError`; a signal that aborts
 * throws its reason.
 *
 * @throws RangeError when an option cannot be used
 * @example
 * const client = createClient({ baseUrl: 'http://127.0.0.1:8420', token });
 * const minted = await client.tokens.create({ name: 'CI', scopes: ['orders:read'] });
 */
export function createClient(options: ClientOptions): Client {
  const settings = readOptions(options);

  const send: Send = async (name, ...[input]) => {
    const anyInput: AnyCallInput = input ?? {};
    const request = makeRequest(name, anyInput, settings);
    const signals = [settings.signal, anyInput.signal].filter((signal) => signal !== undefined);
    const signal = signals.length === 2 ? AbortSignal.any(signals) : signals[0];
    const attempt = (): Promise<Reply<unknown>> => exchange(request, settings, signal);
    const reply = request.repeatable ? await withRetries(attempt, settings, signal) : await attempt();
    // The server checks every answer against the contract before it sends it.
    return reply as Reply<Output<typeof name>>;
  };
  const call: Call = async (name, ...input) => (await send(name, ...input)).data;

  return Object.freeze({ call, send, ...groups(call) });
}
