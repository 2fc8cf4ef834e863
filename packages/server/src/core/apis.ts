/** Apis: resource servers with their audience, prefix and scopes. */

import { createPublicKey } from 'node:crypto';
import type { Body } from '@tessera/contract';
import { type Call, checkVersion, difference, record } from './call.ts';
import { newId } from './ids.ts';
import { allIssuers } from './issuers/trusted-issuers.ts';
import type { Api, JwtProfile } from './model.ts';
import { invalid, notFound, Refusal } from './refusal.ts';
import { badClaim } from './signed/claim-template.ts';
import { tellChange } from './signed/tell-change.ts';
import type { Reader, Tx } from './store-port.ts';
import { isManagementApi } from './tokens/authority.ts';

/** What token texts start with where their api says nothing. */
export const DEFAULT_PREFIX = 'tsr';
const MAX_NAME = 200;

export async function apiById(reader: Reader, call: Call, id: string): Promise<Api> {
  const api = await reader.api(call.workspace, id);
  if (api === undefined) throw notFound('api');
  return api;
}

/** An audience that looks like an id could stand in for another api wherever either names one. */
const LOOKS_LIKE_AN_ID = /^api_/;

export async function createApi(tx: Tx, call: Call, input: Body<'apis.create'>): Promise<Api> {
  const { audience, name = audience.slice(0, MAX_NAME), prefix = DEFAULT_PREFIX } = input;
  if (LOOKS_LIKE_AN_ID.test(audience)) throw invalid('/audience', 'must not look like an id');
  if ((await tx.apiByAudience(call.workspace, audience)) !== undefined)
    throw new Refusal('conflict', 'an api with this audience exists already');
  const api: Api = {
    id: newId('api'),
    workspace: call.workspace,
    name,
    audience,
    prefix,
    scopes: input.scopes ?? {},
    defaultExpirySeconds: input.defaultExpirySeconds ?? null,
    maximumExpirySeconds: input.maximumExpirySeconds ?? null,
    jwt: checkedProfile(input.jwt ?? null),
    builtIn: false,
    createdAt: call.now,
    updatedAt: call.now,
    version: 1,
  };
  checkLives(api);
  await tx.insertApi(api);
  record(tx, call, 'api.create', { type: 'api', id: api.id }, { name, audience, prefix, scopes: api.scopes });
  tx.changed({ workspace: call.workspace, kind: 'api.created', id: api.id });
  return api;
}

export async function updateApi(
  tx: Tx,
  call: Call,
  { id, input }: { readonly id: string; readonly input: Body<'apis.update'> },
): Promise<Api> {
  const api = await apiById(tx, call, id);
  checkVersion(call, api);
  if (isManagementApi(api) && !call.actor.isAdmin)
    throw new Refusal('forbidden', 'only admin changes the api of the management tokens');
  if (api.builtIn && input.scopes !== undefined)
    throw new Refusal('conflict', 'the scopes of a built-in api are fixed');
  const next: Api = {
    ...api,
    name: input.name ?? api.name,
    scopes: input.scopes ?? api.scopes,
    defaultExpirySeconds:
      input.defaultExpirySeconds === undefined ? api.defaultExpirySeconds : input.defaultExpirySeconds,
    maximumExpirySeconds:
      input.maximumExpirySeconds === undefined ? api.maximumExpirySeconds : input.maximumExpirySeconds,
    jwt: input.jwt === undefined ? api.jwt : checkedProfile(input.jwt),
    updatedAt: call.now,
    version: api.version + 1,
  };
  checkLives(next);
  await tx.updateApi(next);
  record(tx, call, 'api.update', { type: 'api', id }, difference(api, next));
  await tellChange(tx, { workspace: call.workspace, kind: 'api.updated', id }, call.now);
  return next;
}

export async function deleteApi(tx: Tx, call: Call, id: string): Promise<void> {
  const api = await apiById(tx, call, id);
  checkVersion(call, api);
  if (api.builtIn) throw new Refusal('conflict', 'a built-in api cannot be deleted');
  // Expired and revoked tokens count too: they are kept, and name their api.
  if (await tx.apiInUse(call.workspace, id)) throw new Refusal('conflict', 'the api has tokens');
  if ((await allIssuers(tx, call.workspace)).some(({ api }) => api === id))
    throw new Refusal('conflict', 'the api accepts the tokens of an issuer');
  await tx.deleteApi(call.workspace, id);
  record(tx, call, 'api.delete', { type: 'api', id }, { audience: api.audience });
  tx.changed({ workspace: call.workspace, kind: 'api.deleted', id });
}

/** Throws `invalid_input` where no signed token could be made so. */
function checkedProfile(profile: JwtProfile | null): JwtProfile | null {
  const bad = badClaim(profile?.claims ?? {});
  if (bad !== undefined) throw invalid(`/jwt/claims/${bad.claim}`, bad.reason);
  const { alg, jwk } = profile?.encryption ?? {};
  if (jwk === undefined) return profile;
  if (alg === 'dir') throw invalid('/jwt/encryption/jwk', 'takes no public key: dir encrypts with a key of the ring');
  if (!isRecipientKey(jwk)) throw invalid('/jwt/encryption/jwk', 'must be a public key on P-256 with a kid');
  return profile;
}

function isRecipientKey({ kid, d, ...jwk }: Readonly<Record<string, string>>): boolean {
  if (kid === undefined || d !== undefined || jwk.kty !== 'EC' || jwk.crv !== 'P-256') return false;
  try {
    createPublicKey({ key: jwk, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}

function checkLives({ defaultExpirySeconds, maximumExpirySeconds }: Api): void {
  if (defaultExpirySeconds !== null && maximumExpirySeconds !== null && defaultExpirySeconds > maximumExpirySeconds) {
    throw invalid('/defaultExpirySeconds', 'must not be more than maximumExpirySeconds');
  }
}
