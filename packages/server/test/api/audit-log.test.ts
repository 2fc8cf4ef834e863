/** Who reads the audit log over the API can prove it without us: the JSON shown is what was hashed. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/core/canonical-json.ts';
import { aApi } from './support/api.ts';

test('every record’s hash follows from its JSON, and each names the one before', async () => {
  const api = await aApi();
  const awkward = { name: 'Zoë 🗝️ \u202e "\\ ﬁ', metadata: { a: '\u2028', b: 'Å A\u030a' } };
  const { json: owner } = await api.call('POST', '/v1/owners', { body: { type: 'user', ...awkward } });
  const { json: made } = await api.call('POST', '/v1/tokens', {
    body: { name: 'k', scopes: ['a'], owner: owner.id, limits: [{ limit: 10, window: 1 }], expiresIn: 'never' },
  });
  await api.call('PATCH', `/v1/tokens/${made.id}`, {
    body: { limits: [], quota: { limit: 1e12, period: 'day' }, expiresAt: '2030-01-01T00:00:00Z', enabled: false },
  });
  await api.call('POST', `/v1/tokens/${made.id}/rotate`, { body: { graceSeconds: 0 } });
  await api.call('POST', `/v1/tokens/${made.id}/revoke`, { body: { reason: awkward.name } });
  await api.call('PATCH', `/v1/owners/${owner.id}`, { body: { metadata: {}, quota: null } });
  await api.call('DELETE', `/v1/owners/${owner.id}`);
  const { json } = await api.call('GET', '/v1/audit?limit=1000');
  expect(json.items).toHaveLength(9);
  let previous = '0'.repeat(64);
  for (const { hash, ...record } of json.items) {
    expect(record.previous).toBe(previous);
    expect(createHash('sha256').update(canonicalJson(record)).digest('hex')).toBe(hash);
    previous = hash;
  }
  expect((await api.call('GET', '/v1/audit/verify')).json).toEqual({ ok: true, records: 9 });
  const checkpoint = (await api.call('GET', '/v1/audit/checkpoint')).json;
  expect(checkpoint).toMatchObject({ seq: 9, hash: previous });
  expect(JSON.stringify(json)).not.toContain(made.token);
});

test('a log that was tampered with is told as that, not as a fault', async () => {
  const api = await aApi();
  api.tamper("update audit set details = 'x' where seq = 2");
  expect((await api.call('GET', '/v1/audit/verify')).json).toEqual({
    ok: false,
    records: 1,
    firstBad: 2,
    reason: 'the record was changed',
  });
});
