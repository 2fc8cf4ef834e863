/** Who calls the management API: Tessera's own tokens, through the same decision as everybody's. */
import {
  type Credential,
  chain,
  type Deny,
  decide,
  denials,
  type MaybePromise,
  problemOfDenial,
  problemOfEmptyCredential,
  type Requirement,
  requirement,
  type TokenFacts,
  unspent,
} from '@tessera/verify';
import { type AskedOfRequest, judge } from '../core/judge.ts';
import { notFound, Refusal } from '../core/refusal.ts';
import { MANAGEMENT_AUDIENCE } from '../core/tokens/facts.ts';
import { DEFAULT_WORKSPACE } from '../core/workspaces.ts';
import type { Incoming } from '../http/edge.ts';
import type { Problem } from '../http/problem.ts';
import type { ApiServices } from './services.ts';

export interface Caller {
  readonly credential: Credential;
  readonly facts: TokenFacts;
}

export type Authentication =
  | { readonly caller: Caller }
  | { readonly problem: Problem; readonly denial: Deny | undefined };

const required = new Map<string, Requirement>();

/** The requirement of an operation: a token of the management api, of whatever workspace, with this scope. */
function requirementOf(scope: string): Requirement {
  const known = required.get(scope) ?? requirement({ audience: MANAGEMENT_AUDIENCE, scopes: [scope] });
  required.set(scope, known);
  return known;
}

/** Judges the caller of an operation that needs this scope. A value where the facts are in memory. */
export function authenticate(incoming: Incoming, scope: string, services: ApiServices): MaybePromise<Authentication> {
  return chain(judge(askedOf(incoming, scope), services), (judgement): Authentication => {
    const { verdict } = judgement;
    services.recorder.verdict(verdict, {
      door: 'api',
      route: undefined,
      status: verdict.valid ? 200 : denials[verdict.code].status,
      seconds: judgement.seconds,
    });
    // What the decision was given by our own look-up comes back as it was.
    if (judgement.accepted)
      return { caller: { credential: judgement.credential, facts: judgement.verdict.principal as TokenFacts } };
    const denial = judgement.verdict;
    const told = { audience: 'manager', scopes: [scope], retryAfterSeconds: judgement.retryAfterSeconds } as const;
    return { problem: judgement.empty ? problemOfEmptyCredential() : problemOfDenial(denial, told), denial };
  });
}

/**
 * Whether a caller that was accepted some time ago still would be. Nothing is spent or recorded for asking, and the proof
 * of possession, which is good for one use, was judged when the caller came.
 */
export function stillHolds(
  { credential }: Caller,
  {
    incoming,
    scope,
    services,
  }: { readonly incoming: Incoming; readonly scope: string; readonly services: ApiServices },
): MaybePromise<boolean> {
  return chain(decide(credential, askedOf(incoming, scope), unspent(services.ports)), ({ valid }) => valid);
}

function askedOf({ address, method, origin, path, dpop, presented }: Incoming, scope: string): AskedOfRequest {
  const url = dpop === undefined ? undefined : `${origin.scheme}://${origin.authority}${path}`;
  return {
    presented,
    requirement: requirementOf(scope),
    circumstances: { address, method, url, proof: dpop, cost: 1 },
  };
}

/** Where the caller acts: in its own workspace; the root token in the default one or the one that it names. */
export async function workspaceOfCall(
  caller: Caller,
  named: string | undefined,
  services: ApiServices,
): Promise<string> {
  const isRoot = caller.facts.scopes.includes('root');
  if (named === undefined) return caller.facts.workspace.id;
  if (!isRoot) throw new Refusal('forbidden', 'only the root token names a workspace');
  const workspace = await services.store.workspace(
    named === 'default' ? ((await services.store.meta(DEFAULT_WORKSPACE)) ?? '') : named,
  );
  if (workspace === undefined) throw notFound('workspace');
  return workspace.id;
}
