/** The operations grouped by resource, each with the arguments one would expect: the id, then the body or the query. */
import type { BodyInput as Body, QueryInput as Query } from '@tessera/contract';
import type { Call, CallOptions } from './call-types.ts';
import { listAll, listAllAfter, type Stops } from './list-all.ts';

export type Groups = ReturnType<typeof groups>;

// The types of what is returned follow from the contract; written out they would say every name twice.
export function groups(call: Call, ended: AbortSignal | undefined) {
  const stops = (options: CallOptions | undefined): Stops => ({ signals: [ended, options?.signal] });
  return {
    tokens: {
      /** Mints a token. The answer is the only one that holds its secret. */
      create: (body: Body<'tokens.create'>, options?: CallOptions) => call('tokens.create', { ...options, body }),
      createBatch: (items: Body<'tokens.createBatch'>['items'], options?: CallOptions) =>
        call('tokens.createBatch', { ...options, body: { items } }),
      import: (items: Body<'tokens.import'>['items'], options?: CallOptions) =>
        call('tokens.import', { ...options, body: { items } }),
      list: (query?: Query<'tokens.list'>, options?: CallOptions) => call('tokens.list', { ...options, query }),
      /** Every token of every page, asked for as needed; `limit` is the size of a page. */
      listAll: (query: Query<'tokens.list'> = {}, options?: CallOptions) =>
        listAll((page) => call('tokens.list', { ...options, query: page }), query, stops(options)),
      get: (id: string, options?: CallOptions) => call('tokens.get', { ...options, params: { id } }),
      update: (id: string, body: Body<'tokens.update'>, options?: CallOptions) =>
        call('tokens.update', { ...options, params: { id }, body }),
      rotate: (id: string, body?: Body<'tokens.rotate'>, options?: CallOptions) =>
        call('tokens.rotate', { ...options, params: { id }, body }),
      cancelRotation: (id: string, options?: CallOptions) =>
        call('tokens.cancelRotation', { ...options, params: { id } }),
      /** Every token of an owner, an api, a client and so on, or all of those; those that descend from them end with them. */
      revokeMany: (body: Body<'tokens.revokeMany'>, options?: CallOptions) =>
        call('tokens.revokeMany', { ...options, body }),
      revoke: (id: string, body?: Body<'tokens.revoke'>, options?: CallOptions) =>
        call('tokens.revoke', { ...options, params: { id }, body }),
      usage: (id: string, query?: Query<'tokens.usage'>, options?: CallOptions) =>
        call('tokens.usage', { ...options, params: { id }, query }),
    },
    /** The verdict on a token; a refusal is an answer, not an error. */
    verify: (body: Body<'verify.one'>, options?: CallOptions) => call('verify.one', { ...options, body }),
    /** The verdicts on up to 100 tokens, in order. */
    verifyBatch: (items: Body<'verify.batch'>['items'], options?: CallOptions) =>
      call('verify.batch', { ...options, body: { items } }),
    apis: {
      create: (body: Body<'apis.create'>, options?: CallOptions) => call('apis.create', { ...options, body }),
      list: (query?: Query<'apis.list'>, options?: CallOptions) => call('apis.list', { ...options, query }),
      listAll: (query: Query<'apis.list'> = {}, options?: CallOptions) =>
        listAll((page) => call('apis.list', { ...options, query: page }), query, stops(options)),
      get: (id: string, options?: CallOptions) => call('apis.get', { ...options, params: { id } }),
      update: (id: string, body: Body<'apis.update'>, options?: CallOptions) =>
        call('apis.update', { ...options, params: { id }, body }),
      delete: (id: string, options?: CallOptions) => call('apis.delete', { ...options, params: { id } }),
    },
    owners: {
      create: (body: Body<'owners.create'>, options?: CallOptions) => call('owners.create', { ...options, body }),
      list: (query?: Query<'owners.list'>, options?: CallOptions) => call('owners.list', { ...options, query }),
      listAll: (query: Query<'owners.list'> = {}, options?: CallOptions) =>
        listAll((page) => call('owners.list', { ...options, query: page }), query, stops(options)),
      get: (id: string, options?: CallOptions) => call('owners.get', { ...options, params: { id } }),
      update: (id: string, body: Body<'owners.update'>, options?: CallOptions) =>
        call('owners.update', { ...options, params: { id }, body }),
      /** Deletes an owner; its tokens are revoked and kept. */
      delete: (id: string, options?: CallOptions) => call('owners.delete', { ...options, params: { id } }),
    },
    keys: {
      create: (body: Body<'keys.create'>, options?: CallOptions) => call('keys.create', { ...options, body }),
      list: (query?: Query<'keys.list'>, options?: CallOptions) => call('keys.list', { ...options, query }),
      listAll: (query: Query<'keys.list'> = {}, options?: CallOptions) =>
        listAll((page) => call('keys.list', { ...options, query: page }), query, stops(options)),
      get: (id: string, options?: CallOptions) => call('keys.get', { ...options, params: { id } }),
      /** Signs with the next key from now on. */
      rotate: (alg: Body<'keys.rotate'>['alg'], options?: CallOptions) =>
        call('keys.rotate', { ...options, body: { alg } }),
      activate: (id: string, options?: CallOptions) => call('keys.activate', { ...options, params: { id } }),
      retire: (id: string, options?: CallOptions) => call('keys.retire', { ...options, params: { id } }),
      /** Forgets a key: what it signed verifies no more. */
      delete: (id: string, options?: CallOptions) => call('keys.delete', { ...options, params: { id } }),
    },
    issuers: {
      create: (body: Body<'issuers.create'>, options?: CallOptions) => call('issuers.create', { ...options, body }),
      list: (query?: Query<'issuers.list'>, options?: CallOptions) => call('issuers.list', { ...options, query }),
      listAll: (query: Query<'issuers.list'> = {}, options?: CallOptions) =>
        listAll((page) => call('issuers.list', { ...options, query: page }), query, stops(options)),
      get: (id: string, options?: CallOptions) => call('issuers.get', { ...options, params: { id } }),
      update: (id: string, body: Body<'issuers.update'>, options?: CallOptions) =>
        call('issuers.update', { ...options, params: { id }, body }),
      delete: (id: string, options?: CallOptions) => call('issuers.delete', { ...options, params: { id } }),
      /** Refuses one of its tokens, those of a subject, or all that were issued before; for good. */
      revoke: (id: string, body: Body<'issuers.revoke'>, options?: CallOptions) =>
        call('issuers.revoke', { ...options, params: { id }, body }),
    },
    roles: {
      create: (body: Body<'roles.create'>, options?: CallOptions) => call('roles.create', { ...options, body }),
      list: (query?: Query<'roles.list'>, options?: CallOptions) => call('roles.list', { ...options, query }),
      listAll: (query: Query<'roles.list'> = {}, options?: CallOptions) =>
        listAll((page) => call('roles.list', { ...options, query: page }), query, stops(options)),
      get: (id: string, options?: CallOptions) => call('roles.get', { ...options, params: { id } }),
      update: (id: string, body: Body<'roles.update'>, options?: CallOptions) =>
        call('roles.update', { ...options, params: { id }, body }),
      delete: (id: string, options?: CallOptions) => call('roles.delete', { ...options, params: { id } }),
    },
    workspaces: {
      create: (body: Body<'workspaces.create'>, options?: CallOptions) =>
        call('workspaces.create', { ...options, body }),
      list: (query?: Query<'workspaces.list'>, options?: CallOptions) => call('workspaces.list', { ...options, query }),
      listAll: (query: Query<'workspaces.list'> = {}, options?: CallOptions) =>
        listAll((page) => call('workspaces.list', { ...options, query: page }), query, stops(options)),
      get: (id: string, options?: CallOptions) => call('workspaces.get', { ...options, params: { id } }),
      update: (id: string, body: Body<'workspaces.update'>, options?: CallOptions) =>
        call('workspaces.update', { ...options, params: { id }, body }),
      delete: (id: string, options?: CallOptions) => call('workspaces.delete', { ...options, params: { id } }),
    },
    audit: {
      list: (query?: Query<'audit.list'>, options?: CallOptions) => call('audit.list', { ...options, query }),
      /** Every record after `after` up to the newest, asked for as needed. */
      listAll: (query: Query<'audit.list'> = {}, options?: CallOptions) =>
        listAllAfter(
          async (after, limit) => (await call('audit.list', { ...options, query: { ...query, after, limit } })).items,
          query,
          stops(options),
        ),
      /** Proves the chain; with `seq` and `hash` of a checkpoint also that nothing up to there was cut or replaced. */
      verify: (query?: Query<'audit.verify'>, options?: CallOptions) => call('audit.verify', { ...options, query }),
      checkpoint: (options?: CallOptions) => call('audit.checkpoint', { ...options }),
    },
    /** What verdicts on tokens are made from, by their digests; `@tessera/verify` does what follows from it. */
    lookups: {
      find: (digests: Body<'lookups.find'>['digests'], options?: CallOptions) =>
        call('lookups.find', { ...options, body: { digests } }),
    },
    /** A batch is counted once, however often it is sent. */
    usage: {
      report: (body: Body<'usage.report'>, options?: CallOptions) => call('usage.report', { ...options, body }),
    },
    notices: {
      list: (query?: Query<'notices.list'>, options?: CallOptions) => call('notices.list', { ...options, query }),
    },
    positions: {
      report: (body: Body<'positions.report'>, options?: CallOptions) => call('positions.report', { ...options, body }),
      withdraw: (body: Body<'positions.withdraw'>, options?: CallOptions) =>
        call('positions.withdraw', { ...options, body }),
    },
    changes: {
      list: (query?: Query<'changes.list'>, options?: CallOptions) => call('changes.list', { ...options, query }),
      /** Every change after `since` up to the newest, asked for as needed. To go on from there: `followChanges`. */
      listAll: ({ since, limit: size }: Query<'changes.list'> = {}, options?: CallOptions) =>
        listAllAfter(
          async (after, limit) => (await call('changes.list', { ...options, query: { since: after, limit } })).items,
          { after: since, limit: size },
          stops(options),
        ),
      /** How many of the nodes and verifiers that are there have applied the change with this number. */
      confirmations: (seq: number, options?: CallOptions) =>
        call('changes.confirmations', { ...options, params: { seq: String(seq) } }),
    },
  };
}
