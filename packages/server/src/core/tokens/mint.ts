/** Minting: one token, its first secret, its audit record and its place in the change feed, durable together. */
import type { Body } from '@tessera/contract';
import { addresses, type Call, type Confirmed, record, shown } from '../call.ts';
import { newId } from '../ids.ts';
import type { Api, Owner, Secret, Token, TokenWithSecrets } from '../model.ts';
import { invalid, Refusal } from '../refusal.ts';
import type { Signing } from '../signed/signing.ts';
import type { Tx } from '../store-port.ts';
import { checkAuthority, isManagementApi } from './authority.ts';
import { checkWithin, inherited, parentOf } from './children.ts';
import { creditsOf, openAccount } from './credits.ts';
import { draw, textOf } from './draw.ts';
import { type ExpiryPolicy, expiryOf } from './expiry.ts';
import { definesScope } from './facts.ts';

export type MintInput = Body<'tokens.create'>;

export interface Minted extends TokenWithSecrets {
  /** The secret text. Goes into one answer and nowhere else. */
  readonly text: string;
}

/** What minting needs beside the unit of work. */
export interface Minting {
  readonly policy: ExpiryPolicy;
  readonly signing: Signing;
}

export async function mint(tx: Tx, call: Confirmed, input: MintInput, { policy, signing }: Minting): Promise<Minted> {
  const { workspace, now } = call;
  const parent = input.parent === undefined ? undefined : await parentOf(tx, { workspace, now }, input.parent);
  const api = await resolveApi(tx, workspace, input.api ?? parent?.api);
  const token = await draft(tx, call, { input, api, parent, policy });
  const { text, secret } = await draw(
    { token, now, text: () => textOf(tx, { token, api, number: 1, now }, signing) },
    (drawn) => tx.insertToken(token, drawn),
  );
  const account = await openAccount(tx, token, input.credits);
  created(tx, call, { token, secret });
  return { token, secrets: [secret], account, text };
}

interface Drafting {
  readonly input: Omit<MintInput, 'api' | 'parent'>;
  readonly api: Api;
  /** What it is a child of. */
  readonly parent?: Token | undefined;
  readonly policy: ExpiryPolicy;
}

/** The record of a new token, checked against everything that limits what it may be. */
export async function draft(tx: Tx, call: Confirmed, { input, api, parent, policy }: Drafting): Promise<Token> {
  const { format = 'opaque' } = input;
  if (format === 'jwt' && input.kind !== undefined)
    throw invalid('/kind', 'a signed token is an access_token: leave the kind away');
  const kind = format === 'jwt' ? 'access_token' : (input.kind ?? 'api_key');
  const own = parent === undefined ? undefined : inherited(parent, input, api);
  const owner = await resolveOwner(tx, call, own === undefined ? input.owner : own.owner, api);
  checkScopes(api, input.scopes);
  const isManagement = isManagementApi(api);
  const ceiling = earliest(parent?.expiresAt, isManagement ? call.actor.expiresAt : undefined);
  const { notBefore, expiresAt } = timesOf(format, {
    notBefore: input.notBefore === undefined ? null : Date.parse(input.notBefore),
    expiresAt: expiryOf(input, { api, kind, format, policy, now: call.now, ceiling }),
  });
  if (kind === 'personal_access_token') await checkPersonal(tx, owner, input.scopes);
  if (notBefore !== null && expiresAt !== null && notBefore >= expiresAt)
    throw invalid('/notBefore', 'must be before the expiry');
  const token: Token = {
    id: newId('tok'),
    workspace: call.workspace,
    kind,
    name: input.name,
    owner: owner?.id ?? null,
    api: api.id,
    environment: own?.environment ?? input.env ?? 'live',
    scopes: input.scopes,
    limits: input.limits ?? [],
    quota: input.quota ?? null,
    credits: creditsOf(input.credits),
    // A management token that is asked for without rules has those of its maker.
    ip: addresses(input.ip ?? (isManagement && !call.actor.isAdmin ? call.bonds.ip : undefined)),
    metadata: input.metadata ?? {},
    boundKey: own === undefined ? (input.boundKey ?? null) : own.boundKey,
    format,
    parent: parent?.id ?? null,
    client: own?.client ?? input.client ?? null,
    session: own?.session ?? input.session ?? null,
    enabled: true,
    createdBy: call.actor.token,
    notBefore,
    expiresAt,
    revokedAt: null,
    revokedReason: null,
    lastUsedAt: null,
    createdAt: call.now,
    updatedAt: call.now,
    version: 1,
  };
  if (parent !== undefined) {
    checkWithin(parent, token, { api, pointer: input.expiresAt === undefined ? '/expiresIn' : '/expiresAt' });
    checkAuthority(call, api, parent);
  }
  checkAuthority(call, api, token);
  return token;
}

function earliest(...ends: readonly (number | null | undefined)[]): number | undefined {
  const known = ends.filter((end) => end !== null && end !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** What is signed says whole seconds: its row says the same, and nothing that was not asked for. */
function timesOf(format: Token['format'], times: Pick<Token, 'notBefore' | 'expiresAt'>): typeof times {
  const { notBefore, expiresAt } = times;
  if (format === 'opaque') return times;
  return {
    notBefore: notBefore === null ? null : Math.ceil(notBefore / 1000) * 1000,
    expiresAt: expiresAt === null ? null : Math.floor(expiresAt / 1000) * 1000,
  };
}

export function created(
  tx: Tx,
  call: Call,
  { token, secret }: { readonly token: Token; readonly secret: Secret },
): void {
  const { id, kind, format, parent, name, owner, api, environment, scopes, expiresAt } = token;
  record(
    tx,
    call,
    'token.create',
    { type: 'token', id },
    {
      kind,
      format,
      ...(parent !== null && { parent }),
      name,
      owner,
      api,
      environment,
      scopes,
      expiresAt: shown('expiresAt', expiresAt),
      fingerprint: secret.fingerprint,
    },
  );
  tx.changed({ workspace: call.workspace, kind: 'token.created', id });
}

/** By id or audience; the default api where none is named. An unknown one and another workspace's get the same answer. */
export async function resolveApi(tx: Tx, workspace: string, named: string | undefined): Promise<Api> {
  const byAudience = await tx.apiByAudience(workspace, named ?? 'default');
  const api = byAudience ?? (named === undefined ? undefined : await tx.api(workspace, named));
  if (api === undefined) throw invalid('/api', 'no such api', 'unknown_reference');
  return api;
}

async function resolveOwner(
  tx: Tx,
  call: Call,
  named: string | null | undefined,
  api: Api,
): Promise<Owner | undefined> {
  // A management token stands for the owner of the one that mints it, unless somebody with more authority says otherwise.
  const id = named === undefined && isManagementApi(api) ? call.actor.owner : named;
  if (id === undefined || id === null) return undefined;
  const owner = await tx.owner(call.workspace, id);
  if (owner === undefined) throw invalid('/owner', 'no such owner', 'unknown_reference');
  if (!owner.enabled) throw new Refusal('conflict', 'the owner is disabled');
  return owner;
}

export function checkScopes(api: Api, scopes: readonly string[]): void {
  const index = scopes.findIndex((scope) => !definesScope(api, scope));
  if (index >= 0) throw invalid(`/scopes/${index}`, 'is not a scope of this api', 'unknown_scope');
}

/** A personal access token does what its user may do, or less. */
export async function checkPersonal(tx: Tx, owner: Owner | undefined, scopes: readonly string[]): Promise<void> {
  if (owner?.type !== 'user')
    throw invalid('/owner', 'a personal access token needs an owner of type user', 'owner_required');
  const roles = await tx.rolesByIds(owner.workspace, owner.roles);
  const held = new Set(roles.flatMap((role) => role.scopes));
  const beyond = scopes.filter((scope) => !held.has(scope));
  if (beyond.length > 0) throw new Refusal('forbidden', `the owner does not hold the scope ${beyond.join(' ')}`);
}
