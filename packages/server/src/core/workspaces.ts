/** Workspaces: made with their two apis, suspended, deleted. The default one cannot be ended: the root token lives there. */

import { managementScopes } from '@tessera/contract';
import { DEFAULT_PREFIX } from './apis.ts';
import { type Call, checkVersion, difference, record } from './call.ts';
import { newId } from './ids.ts';
import type { Api, Workspace } from './model.ts';
import { notFound, Refusal } from './refusal.ts';
import { tellChange } from './signed/tell-change.ts';
import type { Reader, Tx } from './store-port.ts';
import { MANAGEMENT_AUDIENCE } from './tokens/facts.ts';

const DEFAULT_AUDIENCE = 'default';
/** Meta key that names the default workspace. */
export const DEFAULT_WORKSPACE = 'default_workspace';

export async function createWorkspace(tx: Tx, call: Call, name: string): Promise<Workspace> {
  const workspace = await foundWorkspace(tx, name, call.now);
  // The record is the new workspace's first: its own log tells how it began.
  record(
    tx,
    { ...call, workspace: workspace.id },
    'workspace.create',
    { type: 'workspace', id: workspace.id },
    { name },
  );
  return workspace;
}

/** A workspace with the built-in api `tessera` for its management and a default api that takes any scope. */
export async function foundWorkspace(tx: Tx, name: string, now: number): Promise<Workspace> {
  const workspace: Workspace = {
    id: newId('ws'),
    name,
    enabled: true,
    deletedAt: null,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
  await tx.insertWorkspace(workspace);
  const api = {
    workspace: workspace.id,
    defaultExpirySeconds: null,
    maximumExpirySeconds: null,
    jwt: null,
    builtIn: true,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
  const management: Api = {
    ...api,
    id: newId('api'),
    name: 'Tessera management',
    audience: MANAGEMENT_AUDIENCE,
    prefix: 'tsm',
    scopes: managementScopes,
  };
  const usual: Api = {
    ...api,
    id: newId('api'),
    name: 'Default',
    audience: DEFAULT_AUDIENCE,
    prefix: DEFAULT_PREFIX,
    scopes: 'any',
  };
  await tx.insertApi(management);
  await tx.insertApi(usual);
  tx.changed({ workspace: workspace.id, kind: 'workspace.created', id: workspace.id });
  return workspace;
}

/** Others than root see their own workspace alone. */
export async function workspaceOf(reader: Reader, call: Call, id: string): Promise<Workspace> {
  const workspace = call.actor.isRoot || id === call.workspace ? await reader.workspace(id) : undefined;
  if (workspace === undefined) throw notFound('workspace');
  return workspace;
}

export async function updateWorkspace(
  tx: Tx,
  call: Call,
  {
    id,
    input,
  }: {
    readonly id: string;
    readonly input: { readonly name?: string | undefined; readonly enabled?: boolean | undefined };
  },
): Promise<Workspace> {
  const workspace = await workspaceOf(tx, call, id);
  if (input.enabled !== undefined && !call.actor.isRoot)
    throw new Refusal('forbidden', 'only the root token suspends or resumes a workspace');
  checkVersion(call, workspace);
  if (input.enabled === false) await refuseDefault(tx, id);
  const next: Workspace = {
    ...workspace,
    name: input.name ?? workspace.name,
    enabled: input.enabled ?? workspace.enabled,
    updatedAt: call.now,
    version: workspace.version + 1,
  };
  await tx.updateWorkspace(next);
  record(tx, { ...call, workspace: id }, 'workspace.update', { type: 'workspace', id }, difference(workspace, next));
  await tellChange(tx, { workspace: id, kind: 'workspace.updated', id }, call.now);
  return next;
}

/** Its tokens are revoked and its records kept; nothing of it can be reached any more. */
export async function deleteWorkspace(tx: Tx, call: Call, id: string): Promise<void> {
  const workspace = await workspaceOf(tx, call, id);
  await refuseDefault(tx, id);
  checkVersion(call, workspace);
  await tx.revokeTokens({ workspace: id }, call.now, 'workspace deleted');
  await tx.updateWorkspace({
    ...workspace,
    enabled: false,
    deletedAt: call.now,
    updatedAt: call.now,
    version: workspace.version + 1,
  });
  record(tx, { ...call, workspace: id }, 'workspace.delete', { type: 'workspace', id });
  await tellChange(tx, { workspace: id, kind: 'workspace.deleted', id }, call.now);
}

async function refuseDefault(tx: Tx, id: string): Promise<void> {
  if ((await tx.meta(DEFAULT_WORKSPACE)) === id)
    throw new Refusal('conflict', 'the default workspace cannot be suspended or deleted: the root token lives in it');
}
