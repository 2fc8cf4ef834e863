/** Who calls the management API: Tessera's own tokens, through the same decision as everybody's. */
import {
  type Credential,
  chain,
  type Deny,
  denials,
  type MaybePromise,
  type Principal,
  type Requirement,
  requirement,
} from '@tessera/verify';
import type { Actor } from '../core/call.ts';
import { judge } from '../core/judge.ts';
import { notFound, Refusal } from '../core/refusal.ts';
import { MANAGEMENT_AUDIENCE } from '../core/tokens/facts.ts';
import { DEFAULT_WORKSPACE } from '../core/workspaces.ts';
import type { Incoming } from '../http/edge.ts';
import { type Problem, problemOfDenial, problemOfEmptyCredential } from '../http/problem.ts';
import type { ApiServices } from './services.ts';

export interface Caller {
  readonly credential: Credential;
  readonly principal: Principal;
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
  const { address, method, origin, path, dpop, presented } = incoming;
  const url = dpop === undefined ? undefined : `${origin.scheme}://${origin.authority}${path}`;
  const asked = {
    presented,
    requirement: requirementOf(scope),
    circumstances: { address, method, url, proof: dpop, cost: 1 },
  };
  return chain(judge(asked, services), (judgement): Authentication => {
    const { verdict } = judgement;
    services.recorder.verdict(verdict, {
      door: 'api',
      route: undefined,
      status: verdict.valid ? 200 : denials[verdict.code].status,
    });
    if (judgement.accepted)
      return { caller: { credential: judgement.credential, principal: judgement.verdict.principal } };
    const denial = judgement.verdict;
    const told = { audience: 'manager', scopes: [scope], retryAfterSeconds: judgement.retryAfterSeconds } as const;
    return { problem: judgement.empty ? problemOfEmptyCredential() : problemOfDenial(denial, told), denial };
  });
}

/** The caller as core sees it. Scopes come expanded from the facts. */
export function actorOf({ principal }: Caller): Actor {
  return {
    token: principal.id,
    owner: principal.owner?.id ?? null,
    scopes: principal.scopes,
    isRoot: principal.scopes.includes('root'),
    isAdmin: principal.scopes.includes('admin'),
    expiresAt: principal.expiresAt,
  };
}

/** Where the caller acts: in its own workspace; the root token in the default one or the one that it names. */
export async function workspaceOfCall(
  caller: Caller,
  named: string | undefined,
  services: ApiServices,
): Promise<string> {
  const isRoot = caller.principal.scopes.includes('root');
  if (named === undefined) return caller.principal.workspace.id;
  if (!isRoot) throw new Refusal('forbidden', 'only the root token names a workspace');
  const workspace = await services.store.workspace(
    named === 'default' ? ((await services.store.meta(DEFAULT_WORKSPACE)) ?? '') : named,
  );
  if (workspace === undefined) throw notFound('workspace');
  return workspace.id;
}
