/** `POST /oauth/revoke` (RFC 7009): by who holds the token, or by who may end the tokens of its workspace. */
import { chain, credentialOf, type DenialCode, recognise, requirement, type TokenFacts } from '@tessera/verify';
import { actorOf } from '../core/actor.ts';
import type { Call } from '../core/call.ts';
import { confirmed } from '../core/caller.ts';
import { isGuess } from '../core/door-ports.ts';
import { Refusal } from '../core/refusal.ts';
import { revokeToken } from '../core/tokens/change.ts';
import { MANAGEMENT_AUDIENCE } from '../core/tokens/facts.ts';
import { BY_HOLDER, revokePresented } from '../core/tokens/revoke-presented.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import type { Incoming } from '../http/edge.ts';
import { authenticate, lacks } from './authenticate.ts';
import { refuseGuesser } from './guesses.ts';
import { OAuthError } from './oauth-error.ts';
import type { Asked, OAuthAnswer, OAuthServices } from './services.ts';

/** What is not valid, or not there, is revoked as well as it can be (RFC 7009 section 2.2). */
const DONE: OAuthAnswer = { type: undefined, text: '' };

const ANYWHERE = requirement({});

export async function revoke(asked: Asked, services: OAuthServices): Promise<OAuthAnswer> {
  const { incoming, parameters, client } = asked;
  const text = parameters.required('token');
  const caller = client === undefined ? undefined : await authenticate(client, incoming, services);
  const isManager = caller?.api.audience === MANAGEMENT_AUDIENCE && caller.scopes.includes('tokens:write');
  // Nobody learns what a token is who may not end it.
  const found = await recognised(text, incoming, services);
  if (caller !== undefined && caller.id !== found?.id) {
    const target = found?.workspace.id === caller.workspace.id ? found : undefined;
    await denialsRecorded({ caller, target, asked, services }, async () => {
      if (!isManager) throw lacks('tokens:write', client);
      if (target !== undefined) await byManager(caller, target, asked, services);
    });
    return DONE;
  }
  if (found !== undefined) await byHolder(found, incoming, services);
  return DONE;
}

interface Attempted {
  readonly caller: TokenFacts;
  /** Undefined: nothing of its workspace. */
  readonly target: TokenFacts | undefined;
  readonly asked: Asked;
  readonly services: OAuthServices;
}

async function denialsRecorded(
  { caller, target, asked, services }: Attempted,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isDenied = error instanceof OAuthError || (error instanceof Refusal && error.code === 'forbidden');
    const { requestId, address } = asked.incoming;
    const attempt = { action: 'tokens.revoke', target: target?.id, requestId, address };
    const who = { token: caller.id, owner: caller.owner?.id ?? null, workspace: caller.workspace.id };
    if (isDenied) await services.denied(attempt, who);
    throw error;
  }
}

/** The token that a text is of, in whatever state. Looking for one by trial costs as much here as at any door. */
async function recognised(
  text: string,
  { address }: Incoming,
  services: OAuthServices,
): Promise<TokenFacts | undefined> {
  const { ports, failed } = services;
  const credential = credentialOf(text);
  const source = address ?? 'unknown';
  refuseGuesser(source, credential, failed);
  const found = await chain(recognise(credential, ANYWHERE, ports), (known): TokenFacts | DenialCode => known);
  if (typeof found !== 'string') return found;
  if (isGuess(found)) failed.failed(source);
  return undefined;
}

async function byHolder(facts: TokenFacts, incoming: Incoming, { store, clock, events }: OAuthServices): Promise<void> {
  const presented = { facts, now: clock.now(), ...whence(incoming) };
  const ended = await store.write((tx) => revokePresented(tx, presented));
  if (ended === 'token') events.revoked();
}

async function byManager(
  caller: TokenFacts,
  { id }: TokenFacts,
  { incoming }: Asked,
  { store, clock, events }: OAuthServices,
): Promise<void> {
  const workspace = caller.workspace.id;
  const call: Call = { actor: actorOf(caller), workspace, now: clock.now(), ...whence(incoming), ifMatch: undefined };
  await store.write(async (tx) => revokeToken(tx, await confirmed(tx, call), id, BY_HOLDER));
  events.revoked();
}

function whence({ requestId, address }: Incoming): Pick<Call, 'requestId' | 'address'> {
  return { requestId: withoutSecrets(requestId), address: address ?? null };
}
