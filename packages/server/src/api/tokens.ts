/** Operations on tokens. */

import type { Output } from '@tessera/contract';
import type { Call } from '../core/call.ts';
import type { TokenWithSecrets } from '../core/model.ts';
import { ofItem } from '../core/refusal.ts';
import { revokeToken, tokenOf, updateToken } from '../core/tokens/change.ts';
import { importToken } from '../core/tokens/import.ts';
import { type Minted, mint } from '../core/tokens/mint.ts';
import { revokeMany } from '../core/tokens/revoke-many.ts';
import { cancelRotation, rotate } from '../core/tokens/rotate.ts';
import type { ListIdentity } from './cursor.ts';
import type { ReadHandlers, Result, WriteHandlers } from './services.ts';
import { time, tokenView } from './views.ts';

const USAGE_DEFAULT_MS = 30 * 86_400_000;

export const tokenReads: ReadHandlers<'tokens.list' | 'tokens.get' | 'tokens.usage'> = {
  async 'tokens.list'({ call, query, services }) {
    const { limit, cursor, ...filter } = query;
    const identity: ListIdentity = { list: 'tokens', workspace: call.workspace, filter };
    const page = services.cursors.request(identity, { limit, cursor });
    const byAudience =
      filter.api === undefined ? undefined : await services.store.apiByAudience(call.workspace, filter.api);
    const api = byAudience?.id ?? filter.api;
    const rows = await services.store.tokens(call.workspace, { ...filter, api, now: call.now }, page);
    const listed = rows.map((row) => ({ ...row, id: row.token.id }));
    return { output: services.cursors.page(identity, page, listed, (row) => tokenView(row, call.now)) };
  },
  async 'tokens.get'({ call, params, services }) {
    return shown(await tokenOf(services.store, call, params.id), call);
  },
  async 'tokens.usage'({ call, params, query, services }) {
    await tokenOf(services.store, call, params.id);
    const to = query.to === undefined ? call.now : Date.parse(query.to);
    const from = query.from === undefined ? to - USAGE_DEFAULT_MS : Date.parse(query.from);
    const counts = await services.store.usage(params.id, from, to);
    return {
      output: {
        items: counts.map(({ hour, allowed, denied }) => ({ hour: time(hour), allowed, denied })),
        allowed: counts.reduce((sum, count) => sum + count.allowed, 0),
        denied: counts.reduce((sum, count) => sum + count.denied, 0),
      },
    };
  },
};

export const tokenWrites: WriteHandlers<
  | 'tokens.create'
  | 'tokens.createBatch'
  | 'tokens.import'
  | 'tokens.update'
  | 'tokens.rotate'
  | 'tokens.cancelRotation'
  | 'tokens.revoke'
  | 'tokens.revokeMany'
> = {
  async 'tokens.create'(tx, { call, body, services }) {
    return withSecret(await mint(tx, call, body, services), call);
  },
  async 'tokens.createBatch'(tx, { call, body, services }) {
    const items = [];
    for (const [index, item] of body.items.entries()) {
      items.push(withSecret(await ofItem(index, mint(tx, call, item, services)), call).output);
    }
    return { output: { items } };
  },
  async 'tokens.import'(tx, { call, body, services }) {
    const items = [];
    for (const [index, item] of body.items.entries()) {
      items.push(tokenView(await ofItem(index, importToken(tx, call, { item, policy: services.policy })), call.now));
    }
    return { output: { items } };
  },
  async 'tokens.update'(tx, { call, params, body, services }) {
    return shown(await updateToken(tx, call, { id: params.id, input: body, policy: services.policy }), call);
  },
  async 'tokens.rotate'(tx, { call, params, body, services }) {
    return withSecret(await rotate(tx, call, params.id, { ...body, signing: services.signing }), call);
  },
  async 'tokens.cancelRotation'(tx, { call, params }) {
    return shown(await cancelRotation(tx, call, params.id), call);
  },
  async 'tokens.revoke'(tx, { call, params, body }) {
    return shown(await revokeToken(tx, call, params.id, body.reason), call);
  },
  async 'tokens.revokeMany'(tx, { call, body, services: { sealing } }) {
    return { output: { revoked: await revokeMany(tx, call, { input: body, sealing }) } };
  },
};

function shown(found: TokenWithSecrets, call: Call): Result<Output<'tokens.get'>> {
  return { output: tokenView(found, call.now), version: found.token.version };
}

/** The one answer that holds the secret. */
function withSecret(minted: Minted, call: Call): Result<Output<'tokens.create'>> {
  return { output: { ...tokenView(minted, call.now), token: minted.text }, version: minted.token.version };
}
