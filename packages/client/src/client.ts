/** The client: every operation of the management API by its name, and the same again in readable groups. */
import type { Output } from '@tessera/contract';
import type { AnyCallInput, Call, Send } from './call-types.ts';
import { type ClientOptions, readOptions } from './client-options.ts';
import { exchange } from './exchange.ts';
import { type Change, type FollowOptions, followChanges } from './follow-changes.ts';
import { type Groups, groups } from './groups.ts';
import { type CarryOut, type OAuth, oauth } from './oauth.ts';
import { makeRequest } from './request.ts';
import { withRetries } from './retry.ts';

export interface Client extends Groups {
  readonly call: Call;
  readonly send: Send;
  readonly oauth: OAuth;
  /**
   * Every change of the workspace, in order and each once, from the moment of the call or after `since`, until the signal
   * aborts or the token may no longer listen. Survives broken connections and restarts of the server.
   *
   * @throws TesseraError where trying again cannot help
   */
  readonly followChanges: (options?: FollowOptions) => AsyncGenerator<Change, void, undefined>;
}

/**
 * A client of one platform, with one token. Calls that may be repeated (GET, and POST under an `Idempotency-Key` that
 * stays the same) are tried again when the network or a node fails, with growing random pauses and up to `deadlineMs` in
 * all; what the server refused before it began (408, 429, overload) is tried again whatever it is. What fails throws a
 * `TesseraError`; a signal that aborts throws its reason.
 *
 * @throws RangeError when an option cannot be used
 * @example
 * const client = createClient({ baseUrl: 'http://127.0.0.1:8420', token });
 * const minted = await client.tokens.create({ name: 'CI', scopes: ['orders:read'] });
 * for await (const { id, name } of client.tokens.listAll({ status: 'active' })) console.log(id, name);
 */
export function createClient(options: ClientOptions): Client {
  const settings = readOptions(options);

  const carryOut: CarryOut = (request, ended) => {
    const signal = either(settings.signal, ended);
    return withRetries((timeoutMs) => exchange(request, settings, { signal, timeoutMs }), {
      settings,
      repeatable: request.repeatable,
      signal,
    });
  };
  const send: Send = async (name, ...[input]) => {
    const request = makeRequest(name, (input ?? {}) as AnyCallInput, settings);
    const reply = await carryOut(request, input?.signal);
    // The server checks every answer against the contract before it sends it.
    return { ...reply, data: reply.data as Output<typeof name> };
  };
  const call: Call = async (name, ...input) => (await send(name, ...input)).data;

  return Object.freeze({
    call,
    send,
    oauth: oauth(carryOut, settings),
    followChanges: (follow: FollowOptions = {}) =>
      followChanges({ ...follow, signal: either(settings.signal, follow.signal) }, { call, settings }),
    ...groups(call, settings.signal),
  });
}

function either(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one !== undefined && other !== undefined ? AbortSignal.any([one, other]) : (one ?? other);
}
