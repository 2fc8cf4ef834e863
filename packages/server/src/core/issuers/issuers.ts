/** What an administrator does with issuers: their tokens are accepted, on which terms, and which of them are refused after all. */
import type { Body } from '@tessera/contract';
import { type Call, checkVersion, difference, record } from '../call.ts';
import type { Custody } from '../custody/custody.ts';
import type { Place } from '../custody/place.ts';
import { derivedId, newId } from '../ids.ts';
import { invalid, notFound, Refusal } from '../refusal.ts';
import type { Reader, Tx } from '../store-port.ts';
import { isManagementApi } from '../tokens/authority.ts';
import { resolveApi } from '../tokens/mint.ts';
import {
  FOREIGN_SKEW_MS,
  type ForeignRevocation,
  type Issuer,
  type IssuerRules,
  LONGEST_LIFETIME_SECONDS,
} from './issuer.ts';
import { allIssuers, MOST_ISSUERS } from './trusted-issuers.ts';

type Sealing = Pick<Custody, 'seal'>;
type MethodInput = Body<'issuers.create'>['method'];

const DEFAULT_LIFETIME_SECONDS = 86_400;
const DEFAULT_RULES: Omit<IssuerRules, 'audience'> = {
  algorithms: ['EdDSA', 'ES256', 'PS256', 'RS256'],
  tokenTypes: ['at+jwt'],
  requiredClaims: {},
  scopes: [],
  owner: null,
  maxLifetimeSeconds: DEFAULT_LIFETIME_SECONDS,
};

/** Anybody can have these sign a token for any audience: without claims that must hold, everybody on the internet would be let in. */
const OPEN_TO_EVERYBODY: readonly string[] = [
  'https://token.actions.githubusercontent.com',
  'https://gitlab.com',
  'https://accounts.google.com',
  'https://agent.buildkite.com',
];

/** Where the client secret of an issuer is sealed for. */
export function placeOfSecret({ workspace, id }: Pick<Issuer, 'workspace' | 'id'>): Place {
  return { workspace, table: 'issuers', column: 'sealed', row: id };
}

export async function issuerById(reader: Reader, call: Call, id: string): Promise<Issuer> {
  const issuer = await reader.issuer(call.workspace, id);
  if (issuer === undefined) throw notFound('issuer');
  return issuer;
}

export async function createIssuer(
  tx: Tx,
  call: Call,
  { input, sealing }: { readonly input: Body<'issuers.create'>; readonly sealing: Sealing },
): Promise<Issuer> {
  const api = await resolveApi(tx, call.workspace, input.api);
  if (isManagementApi(api)) throw invalid('/api', 'the management API takes no tokens of other issuers');
  if ((await allIssuers(tx, call.workspace)).length >= MOST_ISSUERS)
    throw new Refusal('conflict', `a workspace has at most ${MOST_ISSUERS} issuers`);
  const id = newId('iss');
  const place = { workspace: call.workspace, id };
  const issuer: Issuer = {
    ...place,
    api: api.id,
    name: input.name ?? input.issuer.slice(0, 200),
    issuer: input.issuer,
    ...methodOf(input.method, place, sealing),
    rules: { ...DEFAULT_RULES, audience: api.audience, ...rulesIn(input) },
    enabled: input.enabled ?? true,
    createdAt: call.now,
    updatedAt: call.now,
    version: 1,
  };
  await check(tx, issuer);
  await tx.insertIssuer(issuer);
  record(tx, call, 'issuer.create', { type: 'issuer', id }, { ...shownOf(issuer) });
  tx.changed({ workspace: call.workspace, kind: 'issuer.created', id });
  return issuer;
}

export async function updateIssuer(
  tx: Tx,
  call: Call,
  { id, input, sealing }: { readonly id: string; readonly input: Body<'issuers.update'>; readonly sealing: Sealing },
): Promise<Issuer> {
  const issuer = await issuerById(tx, call, id);
  checkVersion(call, issuer);
  const next: Issuer = {
    ...issuer,
    name: input.name ?? issuer.name,
    ...(input.method && methodOf(input.method, issuer, sealing)),
    rules: { ...issuer.rules, ...rulesIn(input) },
    enabled: input.enabled ?? issuer.enabled,
    updatedAt: call.now,
    version: issuer.version + 1,
  };
  await check(tx, next);
  await tx.updateIssuer(next);
  record(tx, call, 'issuer.update', { type: 'issuer', id }, difference(shownOf(issuer), shownOf(next)));
  tx.changed({ workspace: call.workspace, kind: 'issuer.updated', id });
  return next;
}

export async function deleteIssuer(tx: Tx, call: Call, id: string): Promise<void> {
  const issuer = await issuerById(tx, call, id);
  checkVersion(call, issuer);
  await tx.deleteIssuer(call.workspace, id);
  record(tx, call, 'issuer.delete', { type: 'issuer', id }, { issuer: issuer.issuer });
  tx.changed({ workspace: call.workspace, kind: 'issuer.deleted', id });
}

/** Kept by the name of the issuer: it holds for whichever api accepts it, and also after the trust was taken away and given again. */
export async function revokeForeign(
  tx: Tx,
  call: Call,
  { id, input }: { readonly id: string; readonly input: Body<'issuers.revoke'> },
): Promise<ForeignRevocation> {
  const { workspace, now } = call;
  const { issuer } = await issuerById(tx, call, id);
  const { jti = null, sub = null } = input;
  const before = input.issuedBefore === undefined ? now : Date.parse(input.issuedBefore);
  if (before > now) throw invalid('/issuedBefore', 'must not be in the future');
  const key = derivedId([workspace, issuer, jti, sub]);
  const kept = await tx.foreignRevocation(workspace, key);
  const revocation: ForeignRevocation = {
    id: key,
    workspace,
    issuer,
    jti,
    sub,
    // What was refused once stays refused.
    issuedBefore: jti === null ? Math.max(before, kept?.issuedBefore ?? before) : null,
    at: kept?.at ?? now,
    until: now + LONGEST_LIFETIME_SECONDS * 1000 + 2 * FOREIGN_SKEW_MS,
  };
  await tx.dropForeignRevocationsBefore(now);
  await tx.putForeignRevocation(revocation);
  const issuedBefore = revocation.issuedBefore === null ? null : new Date(revocation.issuedBefore).toISOString();
  record(tx, call, 'issuer.revoke', { type: 'issuer', id }, { issuer, jti, sub, issuedBefore });
  for (const one of await allIssuers(tx, workspace))
    if (one.issuer === issuer) tx.changed({ workspace, kind: 'issuer.revoked', id: one.id });
  return revocation;
}

function rulesIn(input: Body<'issuers.update'>): Partial<IssuerRules> {
  const { audience, algorithms, tokenTypes, requiredClaims, scopes, owner, maxLifetimeSeconds } = input;
  const given = { audience, algorithms, requiredClaims, scopes, owner, maxLifetimeSeconds };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(tokenTypes && { tokenTypes: tokenTypes.map((type) => type.toLowerCase()) }),
  };
}

function methodOf(
  input: MethodInput,
  place: Pick<Issuer, 'workspace' | 'id'>,
  sealing: Sealing,
): Pick<Issuer, 'method' | 'sealed'> {
  if (!('introspection' in input)) return { method: input, sealed: null };
  const { clientSecret, ...introspection } = input.introspection;
  const sealed = sealing.seal(placeOfSecret(place), new TextEncoder().encode(clientSecret));
  return { method: { introspection }, sealed };
}

async function check(tx: Tx, issuer: Issuer): Promise<void> {
  const { method, rules } = issuer;
  if ('discovery' in method) checkDiscovery(issuer);
  if (rules.audience === null && !('introspection' in method))
    throw invalid('/audience', 'is asked of every signed token');
  if (OPEN_TO_EVERYBODY.includes(issuer.issuer) && Object.keys(rules.requiredClaims).length === 0)
    throw invalid('/requiredClaims', 'anybody can get a token of this issuer: name claims that must hold');
  if (rules.owner !== null && 'id' in rules.owner && (await tx.owner(issuer.workspace, rules.owner.id)) === undefined)
    throw invalid('/owner/id', 'no such owner', 'unknown_reference');
}

function checkDiscovery({ issuer }: Issuer): void {
  const url = URL.parse(issuer);
  const isPlain = url?.protocol === 'https:' && url.username === '' && url.search === '' && url.hash === '';
  if (!isPlain) throw invalid('/issuer', 'discovery needs an issuer that is an https URL without query and fragment');
}

/** For the audit log: flat, and without the sealed secret. */
function shownOf({ name, api, issuer, method, rules, enabled }: Issuer): Readonly<Record<string, unknown>> {
  return { name, api, issuer, method, ...rules, enabled };
}
