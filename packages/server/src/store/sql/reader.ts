/** The reads of the port, over a connection that is asked for anew at each one. */
import type { Reader } from '../../core/store-port.ts';
import { ancestors } from './ancestors.ts';
import { api, apiByAudience, apiInUse, apis } from './apis.ts';
import { audit, auditHead } from './audit.ts';
import { changes, latestChange, latestChangeUpTo } from './changes.ts';
import { credits } from './credits.ts';
import { foreignRevocation, foreignRevocations, issuer, issuers } from './issuers.ts';
import { dataKeys, idempotency, importedPrefixes, meta } from './keeping.ts';
import { key, keyNamed, keys, keysDue, liveKeys } from './keys.ts';
import { type DatabaseTime, nodes } from './nodes.ts';
import { owner, owners, ownersByMetadata, ownersWithRole } from './owners.ts';
import { role, roleByName, roles, rolesByIds } from './roles.ts';
import { lastSigned, notices } from './signed.ts';
import type { Db } from './tables.ts';
import { token, tokens } from './tokens.ts';
import { usage } from './usage.ts';
import { secretsAmong, tokensAmong } from './used.ts';
import { countVerifiers } from './verifiers.ts';
import { workspace, workspaces } from './workspaces.ts';

/** `db` may throw, where reading is over. */
export function createReader(db: () => Db, now: DatabaseTime): Reader {
  return {
    workspace: async (id) => workspace(db(), id),
    workspaces: async (page) => workspaces(db(), page),
    api: async (workspace, id) => api(db(), workspace, id),
    apiByAudience: async (workspace, audience) => apiByAudience(db(), workspace, audience),
    apis: async (workspace, page) => apis(db(), workspace, page),
    owner: async (workspace, id) => owner(db(), workspace, id),
    owners: async (workspace, filter, page) => owners(db(), workspace, { filter, page }),
    ownersByMetadata: async (workspace, key, value) => ownersByMetadata(db(), workspace, { key, value }),
    role: async (workspace, id) => role(db(), workspace, id),
    roleByName: async (workspace, name) => roleByName(db(), workspace, name),
    roles: async (workspace, page) => roles(db(), workspace, page),
    rolesByIds: async (workspace, ids) => rolesByIds(db(), workspace, ids),
    ownersWithRole: async (workspace, role) => ownersWithRole(db(), workspace, role),
    key: async (workspace, id) => key(db(), workspace, id),
    keyNamed: async (id) => keyNamed(db(), id),
    keys: async (workspace, page) => keys(db(), workspace, page),
    keysDue: async (due) => keysDue(db(), due),
    liveKeys: async (workspace) => liveKeys(db(), workspace),
    issuer: async (workspace, id) => issuer(db(), workspace, id),
    issuers: async (workspace, page) => issuers(db(), workspace, page),
    foreignRevocation: async (workspace, id) => foreignRevocation(db(), workspace, id),
    foreignRevocations: async (workspace, of) => foreignRevocations(db(), workspace, of),
    token: async (workspace, id) => token(db(), workspace, id),
    tokens: async (workspace, filter, page) => tokens(db(), workspace, { filter, page }),
    ancestors: async (parent) => ancestors(db(), parent),
    apiInUse: async (workspace, id) => apiInUse(db(), workspace, id),
    audit: async (workspace, filter) => audit(db(), workspace, filter),
    auditHead: async (workspace) => auditHead(db(), workspace),
    lastSigned: async (subject, at) => lastSigned(db(), subject, at),
    notices: async (workspace, after) => notices(db(), workspace, after),
    changes: async (filter) => changes(db(), filter),
    latestChange: async () => latestChange(db()),
    latestChangeUpTo: async (workspace, seq) => latestChangeUpTo(db(), workspace, seq),
    usage: async (token, from, to) => usage(db(), token, { from, to }),
    credits: async (token) => credits(db(), token),
    idempotency: async (id) => idempotency(db(), id),
    meta: async (key) => meta(db(), key),
    dataKeys: async () => dataKeys(db()),
    importedPrefixes: async (workspace) => importedPrefixes(db(), workspace),
    nodes: async () => nodes(db(), now),
    countVerifiers: async (workspace, seq) => countVerifiers(db(), now, { workspace, seq }),
    tokensAmong: async (workspace, ids) => tokensAmong(db(), workspace, ids),
    secretsAmong: async (workspace, digests) => secretsAmong(db(), workspace, digests),
  };
}
