/** Operations on workspaces, apis, owners and roles. */
import { apiById, createApi, deleteApi, updateApi } from '../core/apis.ts';
import { createOwner, deleteOwner, ownerById, updateOwner } from '../core/owners.ts';
import { createRole, deleteRole, roleById, updateRole } from '../core/roles.ts';
import type { PageRequest } from '../core/store-port.ts';
import { createWorkspace, deleteWorkspace, updateWorkspace, workspaceOf } from '../core/workspaces.ts';
import { listed } from './listed.ts';
import type { ReadHandlers, ReadName, WriteHandlers, WriteName } from './services.ts';
import { apiView, ownerView, roleView, workspaceView } from './views.ts';

type Resource = 'apis' | 'owners' | 'roles' | 'workspaces';

export const resourceReads: ReadHandlers<Extract<ReadName, `${Resource}.${string}`>> = {
  async 'apis.list'({ call, query, services }) {
    return {
      output: await listed(
        'apis',
        { call, query, services },
        (page) => services.store.apis(call.workspace, page),
        apiView,
      ),
    };
  },
  async 'apis.get'({ call, params, services }) {
    return versioned(await apiById(services.store, call, params.id), apiView);
  },
  async 'owners.list'({ call, query, services }) {
    return {
      output: await listed(
        'owners',
        { call, query, services },
        (page) => services.store.owners(call.workspace, query, page),
        ownerView,
      ),
    };
  },
  async 'owners.get'({ call, params, services }) {
    return versioned(await ownerById(services.store, call, params.id), ownerView);
  },
  async 'roles.list'({ call, query, services }) {
    return {
      output: await listed(
        'roles',
        { call, query, services },
        (page) => services.store.roles(call.workspace, page),
        roleView,
      ),
    };
  },
  async 'roles.get'({ call, params, services }) {
    return versioned(await roleById(services.store, call, params.id), roleView);
  },
  async 'workspaces.list'({ call, query, services }) {
    const all = (page: PageRequest) => services.store.workspaces(page);
    const own = async () => [await workspaceOf(services.store, call, call.workspace)];
    return {
      output: await listed('workspaces', { call, query, services }, call.actor.isRoot ? all : own, workspaceView),
    };
  },
  async 'workspaces.get'({ call, params, services }) {
    return versioned(await workspaceOf(services.store, call, params.id), workspaceView);
  },
};

export const resourceWrites: WriteHandlers<Extract<WriteName, `${Resource}.${string}`>> = {
  'apis.create': async (tx, { call, body }) => versioned(await createApi(tx, call, body), apiView),
  'apis.update': async (tx, { call, params, body }) =>
    versioned(await updateApi(tx, call, { id: params.id, input: body }), apiView),
  'apis.delete': async (tx, { call, params }) => deleteApi(tx, call, params.id).then(gone),
  'owners.create': async (tx, { call, body }) => versioned(await createOwner(tx, call, body), ownerView),
  'owners.update': async (tx, { call, params, body }) =>
    versioned(await updateOwner(tx, call, { id: params.id, input: body }), ownerView),
  'owners.delete': async (tx, { call, params }) => deleteOwner(tx, call, params.id).then(gone),
  'roles.create': async (tx, { call, body }) => versioned(await createRole(tx, call, body), roleView),
  'roles.update': async (tx, { call, params, body }) =>
    versioned(await updateRole(tx, call, { id: params.id, input: body }), roleView),
  'roles.delete': async (tx, { call, params }) => deleteRole(tx, call, params.id).then(gone),
  'workspaces.create': async (tx, { call, body }) =>
    versioned(await createWorkspace(tx, call, body.name), workspaceView),
  'workspaces.update': async (tx, { call, params, body }) =>
    versioned(await updateWorkspace(tx, call, { id: params.id, input: body }), workspaceView),
  'workspaces.delete': async (tx, { call, params }) => deleteWorkspace(tx, call, params.id).then(gone),
};

function versioned<T extends { readonly version: number }, V>(
  object: T,
  view: (object: T) => V,
): { output: V; version: number } {
  return { output: view(object), version: object.version };
}

function gone(): { output: Record<string, never> } {
  return { output: {} };
}
