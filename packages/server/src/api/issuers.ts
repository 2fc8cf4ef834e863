/** Operations on issuers. No client secret ever passes here on its way out. */
import type { Output } from '@tessera/contract';
import type { Issuer } from '../core/issuers/issuer.ts';
import { createIssuer, deleteIssuer, issuerById, revokeForeign, updateIssuer } from '../core/issuers/issuers.ts';
import { listed } from './listed.ts';
import type { ReadHandlers, ReadName, WriteHandlers, WriteName } from './services.ts';
import { time, timeOrNull } from './views.ts';

export const issuerReads: ReadHandlers<Extract<ReadName, `issuers.${string}`>> = {
  async 'issuers.list'({ call, query, services }) {
    const read = services.store.issuers;
    return {
      output: await listed('issuers', { call, query, services }, (page) => read(call.workspace, page), issuerView),
    };
  },
  'issuers.get': async ({ call, params, services }) => versioned(await issuerById(services.store, call, params.id)),
};

export const issuerWrites: WriteHandlers<Extract<WriteName, `issuers.${string}`>> = {
  'issuers.create': async (tx, { call, body, services: { sealing } }) =>
    versioned(await createIssuer(tx, call, { input: body, sealing })),
  'issuers.update': async (tx, { call, params, body, services: { sealing } }) =>
    versioned(await updateIssuer(tx, call, { id: params.id, input: body, sealing })),
  async 'issuers.delete'(tx, { call, params }) {
    await deleteIssuer(tx, call, params.id);
    return { output: {} };
  },
  async 'issuers.revoke'(tx, { call, params, body }) {
    const { issuer, jti, sub, issuedBefore, until } = await revokeForeign(tx, call, { id: params.id, input: body });
    return { output: { issuer, jti, sub, issuedBefore: timeOrNull(issuedBefore), until: time(until) } };
  },
};

function versioned(issuer: Issuer): { output: Output<'issuers.get'>; version: number } {
  return { output: issuerView(issuer), version: issuer.version };
}

/** Rules are kept as the contract has them: the schema of the output holds them to it. */
function issuerView({ id, name, api, issuer, method, rules, enabled, createdAt, updatedAt }: Issuer) {
  const view = {
    id,
    name,
    api,
    issuer,
    method,
    ...rules,
    enabled,
    createdAt: time(createdAt),
    updatedAt: time(updatedAt),
  };
  return structuredClone(view) as Output<'issuers.get'>;
}
