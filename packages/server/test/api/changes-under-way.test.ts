/** A change is made by who may make it when it is made; its answer is given again to a repeat, and to nobody else. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createOwner, updateOwner } from '../../src/core/owners.ts';
import { createRole } from '../../src/core/roles.ts';
import { OutcomeUnknown, type Store, StoreUnavailable } from '../../src/core/store-port.ts';
import { revokeToken } from '../../src/core/tokens/change.ts';
import { rotate } from '../../src/core/tokens/rotate.ts';
import { signing } from '../core/support/platform.ts';
import { aApi, type TestApi } from './support/api.ts';

const mintBody = { name: 'new', api: 'tessera', scopes: ['verify'] };
const SCOPES = ['tokens:write', 'tokens:read', 'verify'];

async function revoke({ as, root }: TestApi, id: string): Promise<void> {
  await as(root, (tx, by) => revokeToken(tx, by, id, undefined));
}

test('a body that arrives after the roles of a personal token were taken away mints nothing', async () => {
  const api = await aApi();
  const owner = await api.as(api.root, async (tx, by) => {
    const role = await createRole(tx, by, { name: 'power', scopes: ['admin'] });
    return createOwner(tx, by, { type: 'user', name: 'Eve', roles: [role.id] });
  });
  const { text } = (await api.manager(['admin'], { kind: 'personal_access_token', owner: owner.id })).minted;
  const body = { name: 'k', scopes: ['anything'] };
  expect((await api.call('POST', '/v1/tokens', { token: text, body })).status).toBe(201);
  const minting = await api.slowly('POST', '/v1/tokens', { token: text, body });
  await api.as(api.root, (tx, by) => updateOwner(tx, by, { id: owner.id, input: { roles: [] } }));
  const { status, json } = await minting.finish();
  expect({ status, detail: json.detail }).toEqual({
    status: 403,
    detail: 'your token was ended or narrowed since it was accepted',
  });
});

describe('a body that arrives after the caller’s revocation', () => {
  test('mints nothing', async () => {
    const api = await aApi();
    const caller = await api.manager(SCOPES);
    const { text, token } = caller.minted;
    const minting = await api.slowly('POST', '/v1/tokens', { token: text, body: mintBody });
    await revoke(api, token.id);
    const { status, json } = await minting.finish();
    expect({ status, code: json.code }).toEqual({ status: 403, code: 'forbidden' });
    expect(json.detail).toBe('your token was ended or narrowed since it was accepted');
    expect((await api.store.tokens(api.workspace, { q: 'new', now: 0 }, { limit: 9, before: undefined })).length).toBe(
      0,
    );
  });

  test('gets no answer of an earlier request either', async () => {
    const api = await aApi();
    const { text, token } = (await api.manager(SCOPES)).minted;
    const options = { token: text, body: mintBody, headers: { 'Idempotency-Key': 'k' } };
    expect((await api.call('POST', '/v1/tokens', options)).status).toBe(201);
    const again = await api.slowly('POST', '/v1/tokens', options);
    await revoke(api, token.id);
    const { status, text: answer } = await again.finish();
    expect(status).toBe(403);
    expect(answer).not.toContain('tsm_live_');
  });

  test('hears no verdict', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const api = await aApi();
    const { text, token } = (await api.manager(SCOPES)).minted;
    const verifying = await api.slowly('POST', '/v1/verify', { token: text, body: { token: api.rootText } });
    await revoke(api, token.id);
    vi.advanceTimersByTime(501);
    const { status, json } = await verifying.finish();
    expect({ status, code: json.code }).toEqual({ status: 403, code: 'forbidden' });
  });
});

test('the time of a change is when its body was there, not when its caller came', async () => {
  const api = await aApi();
  const { text, token } = (await api.manager(SCOPES)).minted;
  const minting = await api.slowly('POST', '/v1/tokens', { token: text, body: { name: 'k', scopes: [] } });
  api.clock.move((token.expiresAt ?? 0) - api.clock.now());
  expect((await minting.finish()).status).toBe(403);
});

test('what takes no body waits for none', async () => {
  const api = await aApi();
  const request = api.call('GET', '/v1/tokens', { headers: { 'Content-Length': '10' } });
  expect((await request).status).toBe(200);
});

describe('Idempotency-Key', () => {
  const key = { 'Idempotency-Key': 'k-1' };

  test('the repeat hears the same, secret and all, and nothing is done or counted twice', async () => {
    const api = await aApi();
    const first = await api.call('POST', '/v1/tokens', { body: mintBody, headers: key });
    const again = await api.call('POST', '/v1/tokens', { body: mintBody, headers: key });
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.json).toEqual(first.json);
    expect(again.headers.etag).toBe(first.headers.etag);
    expect(api.minted).toEqual(['api_key']);
    const other = await api.call('POST', '/v1/tokens', { body: { ...mintBody, name: 'other' }, headers: key });
    expect({ status: other.status, code: other.json.code }).toEqual({ status: 422, code: 'idempotency_key_reused' });
  });

  test('ten at once make one token', async () => {
    const api = await aApi();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => api.call('POST', '/v1/tokens', { body: mintBody, headers: key })),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(api.minted).toEqual(['api_key']);
  });

  test('another secret of the same token does not open the answer', async () => {
    const api = await aApi();
    const caller = await api.manager(SCOPES);
    const token = caller.minted.text;
    await api.call('POST', '/v1/tokens', { token, body: mintBody, headers: key });
    const fresh = await api.as(api.root, (tx, by) => rotate(tx, by, caller.actor.token, { signing }));
    const { status, json } = await api.call('POST', '/v1/tokens', { token: fresh.text, body: mintBody, headers: key });
    expect({ status, detail: json.detail }).toEqual({
      status: 422,
      detail: 'the key was used with another secret of this token',
    });
  });

  test('a refusal is remembered, a fault of ours is not', async () => {
    let fault: Error | undefined;
    const api = await aApi({
      store: (store: Store) => ({ ...store, write: (work) => (fault ? Promise.reject(fault) : store.write(work)) }),
    });
    fault = new StoreUnavailable('away');
    const body = { name: 'k', scopes: [] };
    expect((await api.call('POST', '/v1/tokens', { body, headers: key })).status).toBe(503);
    fault = undefined;
    expect((await api.call('POST', '/v1/tokens', { body, headers: key })).status).toBe(201);
    const refused = { body: { type: 'user', name: 'x', roles: ['role_none'] }, headers: { 'Idempotency-Key': 'k-2' } };
    const first = await api.call('POST', '/v1/owners', refused);
    expect(first.status).toBe(422);
    expect((await api.call('POST', '/v1/owners', refused)).json.detail).toBe(first.json.detail);
  });

  test.each([' ', 'two words', 'x'.repeat(256)])('%j is no key', async (text) => {
    const api = await aApi();
    const { status, json } = await api.call('POST', '/v1/tokens', {
      body: mintBody,
      headers: { 'Idempotency-Key': text },
    });
    expect({ status, code: json.code }).toEqual({ status: 400, code: 'invalid_request' });
  });
});

describe('what fails on our side', () => {
  test.each([
    [new StoreUnavailable('away'), 503, 'unavailable', undefined],
    [new OutcomeUnknown('lost'), 503, 'unavailable', /^The change was made, or it was not/],
    [new Error('a driver’s own words'), 503, 'unavailable', undefined],
    [new TypeError('a bug'), 500, 'internal', undefined],
  ])('%s is answered with %i, and why is for the log alone', async (fault, status, code, detail) => {
    const api = await aApi({ store: (store) => ({ ...store, write: () => Promise.reject(fault) }) });
    const answer = await api.call('POST', '/v1/tokens', { body: { name: 'k', scopes: [] } });
    expect({ status: answer.status, code: answer.json.code }).toEqual({ status, code });
    if (detail === undefined) expect(answer.json.detail).toBeUndefined();
    else expect(answer.json.detail).toMatch(detail);
    expect(answer.text).not.toContain(fault.message);
    expect(api.errors).toContain(fault);
    expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
  });
});

describe('refused attempts', () => {
  test('are recorded with who, what and where, thirty times a minute at most', async () => {
    const api = await aApi();
    const { minted } = await api.manager(['verify']);
    const { token } = minted;
    const attempt = () => api.call('POST', '/v1/owners', { token: minted.text, body: {} });
    for (let tried = 0; tried < 40; tried += 1) expect((await attempt()).status).toBe(403);
    const read = async () => await api.store.audit(api.workspace, { after: 0, limit: 1000, action: 'owners.create' });
    expect(await read()).toHaveLength(30);
    expect((await read())[0]).toMatchObject({
      actor: { token: token.id, kind: 'token' },
      outcome: 'denied',
      address: '127.0.0.1',
      target: null,
    });
    api.clock.move(60_000);
    await attempt();
    expect(await read()).toHaveLength(31);
  });

  test('naming a workspace that is not one’s own is one', async () => {
    const api = await aApi();
    const { minted } = await api.manager(['tokens:read']);
    const headers = { 'Tessera-Workspace': api.workspace };
    expect((await api.call('GET', '/v1/tokens', { token: minted.text, headers })).status).toBe(403);
    expect(await api.store.audit(api.workspace, { after: 0, limit: 9, action: 'tokens.list' })).toMatchObject([
      { outcome: 'denied', actor: { token: minted.token.id } },
    ]);
  });

  test('that cannot be recorded are refused all the same', async () => {
    let away = false;
    const api = await aApi({
      store: (store) => ({
        ...store,
        write: (work) => (away ? Promise.reject(new StoreUnavailable('away')) : store.write(work)),
      }),
    });
    const { minted } = await api.manager(['verify']);
    away = true;
    expect((await api.call('POST', '/v1/owners', { token: minted.text, body: {} })).status).toBe(403);
    expect(api.errors).toHaveLength(1);
  });
});

test('no answer may be kept by a cache', async () => {
  const api = await aApi();
  for (const path of ['/v1/tokens', '/v1/audit', '/v1/workspaces', '/v1/nothing'])
    expect((await api.call('GET', path)).headers['cache-control']).toBe('no-store');
});
