/** Workspaces: tenants. Nothing crosses one. */
import { z } from 'zod';
import { operation } from './operation.ts';
import { cursorQuery, empty, idParams, name, page, timestamp, workspaceId } from './schemas.ts';

export const workspace = z
  .strictObject({
    id: workspaceId,
    name,
    enabled: z
      .boolean()
      .meta({ description: 'A suspended workspace (`false`) has every token of it refused as `suspended`' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Workspace' });

const tag = 'workspaces';

export const workspaceOperations = {
  'workspaces.list': operation({
    method: 'GET',
    path: '/v1/workspaces',
    tag,
    summary: 'List workspaces: all of them for the root token, else one’s own',
    scope: 'workspaces:read',
    query: z.strictObject(cursorQuery),
    status: 200,
    output: page(workspace),
    changes: false,
    problems: [],
  }),
  'workspaces.create': operation({
    method: 'POST',
    path: '/v1/workspaces',
    tag,
    summary: 'Create a workspace, with its default api',
    scope: 'root',
    body: z.strictObject({ name }),
    status: 201,
    output: workspace,
    changes: true,
    etag: true,
    problems: [],
  }),
  'workspaces.get': operation({
    method: 'GET',
    path: '/v1/workspaces/{id}',
    tag,
    summary: 'Get a workspace',
    scope: 'workspaces:read',
    params: idParams,
    status: 200,
    output: workspace,
    changes: false,
    etag: true,
    problems: ['not_found'],
  }),
  'workspaces.update': operation({
    method: 'PATCH',
    path: '/v1/workspaces/{id}',
    tag,
    summary: 'Rename, suspend or resume a workspace',
    description: 'Suspending needs the root token.',
    scope: 'workspaces:write',
    params: idParams,
    body: z.strictObject({ name: name.optional(), enabled: z.boolean().optional() }),
    status: 200,
    output: workspace,
    changes: true,
    etag: true,
    problems: ['not_found', 'forbidden', 'conflict', 'precondition_failed'],
  }),
  'workspaces.delete': operation({
    method: 'DELETE',
    path: '/v1/workspaces/{id}',
    tag,
    summary: 'Delete a workspace: its tokens are revoked, its records are kept',
    scope: 'root',
    params: idParams,
    status: 204,
    output: empty,
    changes: true,
    problems: ['not_found', 'conflict'],
  }),
} as const;
