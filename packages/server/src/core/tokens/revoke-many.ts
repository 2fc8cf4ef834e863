/** Ending many tokens at once, by what they have in common: one update of their rows, one record, and a change that says whom it concerns. */
import type { Body } from '@tessera/contract';
import { type Confirmed, record } from '../call.ts';
import { algorithms } from '../key-ring/algorithms.ts';
import { move, rotateRing, type Sealing, takenBy } from '../key-ring/steps.ts';
import type { Api, ChangeEntry, RingKey } from '../model.ts';
import { invalid, Refusal } from '../refusal.ts';
import { tellChange } from '../signed/tell-change.ts';
import type { Selection, Tx } from '../store-port.ts';
import { checkAuthority } from './authority.ts';
import { MANAGEMENT_AUDIENCE } from './facts.ts';
import { resolveApi } from './mint.ts';

export type RevokeManyInput = Body<'tokens.revokeMany'>;

/** Management tokens that are looked at one by one; who may not end that many asks somebody with more authority. */
const MOST_CHECKED = 1000;

/** How many were revoked. Throws `forbidden` where one of them is beyond the caller: then none is. */
export async function revokeMany(
  tx: Tx,
  call: Confirmed,
  { input, sealing }: { readonly input: RevokeManyInput; readonly sealing: Sealing },
): Promise<number> {
  const { workspace, now, actor } = call;
  const subject = await subjectOf(tx, call, input);
  const which: Selection = {
    workspace,
    ...subject,
    before: input.issuedBefore === undefined ? undefined : Date.parse(input.issuedBefore),
    after: input.issuedAfter === undefined ? undefined : Date.parse(input.issuedAfter),
    except: input.includeSelf === true ? undefined : actor.token,
  };
  if (!actor.isAdmin) await checkEach(tx, call, which);
  const key = subject.by === 'key' ? await signingKey(tx, call, subject.id) : undefined;
  // Their children may be of another client, session or key: they hear of it by the tokens that they descend from.
  const parents = CROSSED.includes(subject.by) ? await tx.parentsAmong(which) : [];
  const reason = input.reason ?? `revoked with ${subject.by === 'all' ? 'all others' : `${subject.by} ${subject.id}`}`;
  const revoked = await tx.revokeSelected(which, now, reason);
  record(tx, call, 'tokens.revoke_many', targetOf(subject, workspace), {
    revoked,
    ...(input.issuedBefore !== undefined && { issuedBefore: input.issuedBefore }),
    ...(input.issuedAfter !== undefined && { issuedAfter: input.issuedAfter }),
    reason: input.reason ?? null,
  });
  if (revoked > 0) {
    await tellChange(tx, changeOf(subject, workspace), now);
    for (const id of parents) await tellChange(tx, { workspace, kind: 'token.revoked', id }, now);
  }
  if (key !== undefined) await forgetKey(tx, call, { key, sealing });
  return revoked;
}

type Subject = Pick<Selection, 'by' | 'id'>;

const CROSSED: readonly Selection['by'][] = ['client', 'session', 'key'];

async function subjectOf(tx: Tx, call: Confirmed, input: RevokeManyInput): Promise<Subject> {
  const { owner, parent, api, client, session, key, prefix, all } = input;
  if (owner !== undefined) {
    if ((await tx.owner(call.workspace, owner)) === undefined) throw unknown('/owner', 'no such owner');
    return { by: 'owner', id: owner };
  }
  if (parent !== undefined) {
    if ((await tx.token(call.workspace, parent)) === undefined) throw unknown('/parent', 'no such token');
    return { by: 'parent', id: parent };
  }
  if (api !== undefined) return { by: 'api', id: (await resolveApi(tx, call.workspace, api)).id };
  if (client !== undefined) return { by: 'client', id: client };
  if (session !== undefined) return { by: 'session', id: session };
  if (key !== undefined) return { by: 'key', id: key };
  if (prefix !== undefined) return { by: 'prefix', id: prefix };
  if (all !== true) throw new Refusal('invalid_input', 'names nobody');
  if (!call.actor.isAdmin) throw new Refusal('forbidden', 'only admin revokes all tokens of a workspace');
  return { by: 'all', id: call.workspace };
}

/** As of a single one: nobody ends a management token that is beyond their own. */
async function checkEach(tx: Tx, call: Confirmed, which: Selection): Promise<void> {
  const management: Api | undefined = await tx.apiByAudience(call.workspace, MANAGEMENT_AUDIENCE);
  if (management === undefined) throw new Error('a workspace has no management api');
  const tokens = await tx.selected(which, { api: management.id, limit: MOST_CHECKED + 1 });
  if (tokens.length > MOST_CHECKED)
    throw new Refusal('forbidden', `only admin revokes more than ${MOST_CHECKED} management tokens at once`);
  for (const token of tokens) checkAuthority(call, management, token);
}

async function signingKey(tx: Tx, call: Confirmed, id: string): Promise<RingKey> {
  if (!call.actor.scopes.includes('keys:write'))
    throw new Refusal('forbidden', 'a key is forgotten with what it signed: your token needs the scope keys:write');
  const key = await tx.key(call.workspace, id);
  if (key === undefined) throw unknown('/key', 'no such key');
  if (algorithms[key.alg].use !== 'sig') throw unknown('/key', 'the key signs nothing');
  return key;
}

/** Whoever has a key that leaked could sign what nobody minted, and later than any revocation. */
async function forgetKey(
  tx: Tx,
  call: Confirmed,
  { key, sealing }: { readonly key: RingKey; readonly sealing: Sealing },
): Promise<void> {
  if (key.state === 'gone') return;
  const by = takenBy(call);
  if (key.state === 'active') await rotateRing(tx, by, { alg: key.alg, sealing });
  const now = await tx.key(key.workspace, key.id);
  if (now !== undefined) await move(tx, by, now, 'gone');
}

function changeOf({ by, id }: Subject, workspace: string): ChangeEntry {
  if (by === 'parent') return { workspace, kind: 'token.children_revoked', id };
  if (by === 'all') return { workspace, kind: 'workspace.revoked', id: workspace };
  return { workspace, kind: `${by}.revoked`, id };
}

function targetOf({ by, id }: Subject, workspace: string): { type: string; id: string } {
  if (by === 'all') return { type: 'workspace', id: workspace };
  return { type: by === 'parent' ? 'token' : by, id };
}

function unknown(pointer: string, detail: string): Refusal {
  return invalid(pointer, detail, 'unknown_reference');
}
