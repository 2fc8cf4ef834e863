/** How each operation of the management API is called. Generated from the contract by `scripts/generate.ts`; not edited by hand. */
import type { OperationName } from '@tessera/contract';

export interface OperationCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Template with `{name}` parameters, one segment each. */
  readonly path: string;
  /** Whether it changes something: then a POST carries an `Idempotency-Key`. */
  readonly changes: boolean;
}

export const operations = {
  'tokens.create': { method: 'POST', path: '/v1/tokens', changes: true },
  'tokens.createBatch': { method: 'POST', path: '/v1/tokens/batch', changes: true },
  'tokens.import': { method: 'POST', path: '/v1/tokens/import', changes: true },
  'tokens.list': { method: 'GET', path: '/v1/tokens', changes: false },
  'tokens.get': { method: 'GET', path: '/v1/tokens/{id}', changes: false },
  'tokens.update': { method: 'PATCH', path: '/v1/tokens/{id}', changes: true },
  'tokens.rotate': { method: 'POST', path: '/v1/tokens/{id}/rotate', changes: true },
  'tokens.cancelRotation': { method: 'POST', path: '/v1/tokens/{id}/rotate/cancel', changes: true },
  'tokens.revoke': { method: 'POST', path: '/v1/tokens/{id}/revoke', changes: true },
  'tokens.usage': { method: 'GET', path: '/v1/tokens/{id}/usage', changes: false },
  'tokens.revokeMany': { method: 'POST', path: '/v1/revocations', changes: true },
  'verify.one': { method: 'POST', path: '/v1/verify', changes: false },
  'verify.batch': { method: 'POST', path: '/v1/verify/batch', changes: false },
  'apis.list': { method: 'GET', path: '/v1/apis', changes: false },
  'apis.create': { method: 'POST', path: '/v1/apis', changes: true },
  'apis.get': { method: 'GET', path: '/v1/apis/{id}', changes: false },
  'apis.update': { method: 'PATCH', path: '/v1/apis/{id}', changes: true },
  'apis.delete': { method: 'DELETE', path: '/v1/apis/{id}', changes: true },
  'owners.list': { method: 'GET', path: '/v1/owners', changes: false },
  'owners.create': { method: 'POST', path: '/v1/owners', changes: true },
  'owners.get': { method: 'GET', path: '/v1/owners/{id}', changes: false },
  'owners.update': { method: 'PATCH', path: '/v1/owners/{id}', changes: true },
  'owners.delete': { method: 'DELETE', path: '/v1/owners/{id}', changes: true },
  'roles.list': { method: 'GET', path: '/v1/roles', changes: false },
  'roles.create': { method: 'POST', path: '/v1/roles', changes: true },
  'roles.get': { method: 'GET', path: '/v1/roles/{id}', changes: false },
  'roles.update': { method: 'PATCH', path: '/v1/roles/{id}', changes: true },
  'roles.delete': { method: 'DELETE', path: '/v1/roles/{id}', changes: true },
  'workspaces.list': { method: 'GET', path: '/v1/workspaces', changes: false },
  'workspaces.create': { method: 'POST', path: '/v1/workspaces', changes: true },
  'workspaces.get': { method: 'GET', path: '/v1/workspaces/{id}', changes: false },
  'workspaces.update': { method: 'PATCH', path: '/v1/workspaces/{id}', changes: true },
  'workspaces.delete': { method: 'DELETE', path: '/v1/workspaces/{id}', changes: true },
  'audit.list': { method: 'GET', path: '/v1/audit', changes: false },
  'audit.verify': { method: 'GET', path: '/v1/audit/verify', changes: false },
  'audit.checkpoint': { method: 'GET', path: '/v1/audit/checkpoint', changes: false },
  'changes.list': { method: 'GET', path: '/v1/changes', changes: false },
  'lookups.find': { method: 'POST', path: '/v1/lookups', changes: false },
  'notices.list': { method: 'GET', path: '/v1/notices', changes: false },
  'usage.report': { method: 'POST', path: '/v1/usage', changes: false },
  'positions.report': { method: 'POST', path: '/v1/positions', changes: false },
  'changes.confirmations': { method: 'GET', path: '/v1/changes/{seq}/confirmations', changes: false },
  'leases.take': { method: 'POST', path: '/v1/leases', changes: false },
  'keys.list': { method: 'GET', path: '/v1/keys', changes: false },
  'keys.create': { method: 'POST', path: '/v1/keys', changes: true },
  'keys.get': { method: 'GET', path: '/v1/keys/{id}', changes: false },
  'keys.rotate': { method: 'POST', path: '/v1/keys/rotate', changes: true },
  'keys.activate': { method: 'POST', path: '/v1/keys/{id}/activate', changes: true },
  'keys.retire': { method: 'POST', path: '/v1/keys/{id}/retire', changes: true },
  'keys.delete': { method: 'DELETE', path: '/v1/keys/{id}', changes: true },
  'issuers.list': { method: 'GET', path: '/v1/issuers', changes: false },
  'issuers.create': { method: 'POST', path: '/v1/issuers', changes: true },
  'issuers.get': { method: 'GET', path: '/v1/issuers/{id}', changes: false },
  'issuers.update': { method: 'PATCH', path: '/v1/issuers/{id}', changes: true },
  'issuers.delete': { method: 'DELETE', path: '/v1/issuers/{id}', changes: true },
  'issuers.revoke': { method: 'POST', path: '/v1/issuers/{id}/revoke', changes: true },
} as const satisfies Readonly<Record<OperationName, OperationCall>>;
