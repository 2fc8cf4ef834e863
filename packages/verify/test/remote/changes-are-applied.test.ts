/** What changed is not believed a moment longer: not what is in memory, and not what was on its way. */
import { describe, expect, test } from 'vitest';
import type { TokenFacts } from '../../src/index.ts';
import { factsOf, OTHER_TOKEN, TOKEN } from '../support/tokens.ts';
import { following, type Held, type Stream } from '../support/told-server.ts';

const facts = factsOf({ expiresAt: undefined });

/** A verifier that knows the token, with news up to position 10. */
async function knowing(found: TokenFacts = facts): Promise<Held & { readonly stream: Stream }> {
  const held = await following();
  held.server.tokens.set(TOKEN, found);
  held.server.seq = 10;
  held.stream.beat({ seq: 10, clock: 0 });
  await held.settled();
  await held.code(TOKEN);
  expect(held.verifier.metrics().cached).toBe(1);
  return held;
}

describe('what is in memory', () => {
  test.each([
    ['token.disabled', 'tok_1', 'disabled', { enabled: false }],
    ['token.updated', 'tok_1', 'wrong_audience', { api: { id: 'api_2', audience: 'other' } }],
    ['token.rotated', 'tok_1', 'rotated', { secret: { ...facts.secret, state: 'retiring', until: 1 } }],
    ['owner.disabled', 'own_1', 'owner_disabled', { owner: { id: 'own_1', type: 'user', roles: [], enabled: false } }],
    ['role.updated', 'rol_9', 'ok', {}],
    ['api.updated', 'api_1', 'wrong_audience', { api: { id: 'api_1', audience: 'renamed' } }],
    ['workspace.updated', 'ws_1', 'suspended', { workspace: { id: 'ws_1', enabled: false } }],
    ['weather.changed', 'wea_1', 'ok', {}],
  ] as const)('is dropped by %s of %s, and asked for again', async (kind, id, code, now) => {
    await using held = await knowing();
    held.server.tokens.set(TOKEN, { ...facts, ...(now as Partial<TokenFacts>) });
    held.server.seq = 11;
    held.stream.change(11, kind, id);
    await held.settled();
    expect(held.verifier.metrics().cached).toBe(0);
    const requirement = held.verifier.requirement.audience === undefined ? undefined : held.verifier.requirement;
    expect(await held.code(TOKEN, requirement && { ...requirement, audience: facts.api.audience })).toBe(code);
    expect(held.verifier.metrics().cached).toBe(1);
  });

  test.each([
    ['token.revoked', 'tok_2'],
    ['token.created', 'tok_2'],
    ['owner.updated', 'own_2'],
    ['api.updated', 'api_2'],
    ['owner.created', 'own_1'],
  ])('stays through %s of %s', async (kind, id) => {
    await using held = await knowing();
    held.stream.change(11, kind, id);
    await held.settled();
    expect(held.verifier.metrics().cached).toBe(1);
  });

  test.each(['tok_8', 'tok_9'])('is dropped when %s, from which it descends, is revoked', async (id) => {
    await using held = await knowing({ ...facts, parents: ['tok_8', 'tok_9'] });
    held.server.tokens.set(TOKEN, { ...facts, parents: ['tok_8', 'tok_9'], revokedAt: 1 });
    held.server.seq = 11;
    held.stream.change(11, 'token.revoked', id);
    await held.settled();
    expect(held.verifier.metrics().cached).toBe(0);
    expect(await held.code(TOKEN)).toBe('revoked');
  });

  test('is dropped for both secrets of a token', async () => {
    await using held = await knowing();
    held.server.tokens.set(OTHER_TOKEN, facts);
    await held.code(OTHER_TOKEN);
    expect(held.verifier.metrics().cached).toBe(2);
    held.stream.change(11, 'token.updated', 'tok_1');
    await held.settled();
    expect(held.verifier.metrics().cached).toBe(0);
  });

  test('is kept as revoked for both secrets of a token: nobody asks the server again, whatever it would say', async () => {
    await using held = await knowing();
    held.server.tokens.set(OTHER_TOKEN, facts);
    await held.code(OTHER_TOKEN);
    const calls = held.server.callsTo('/v1/lookups').length;
    held.stream.change(11, 'token.revoked', 'tok_1');
    await held.settled();
    expect(await held.code(TOKEN)).toBe('revoked');
    expect(await held.code(OTHER_TOKEN)).toBe('revoked');
    held.server.mode = 'refuse';
    expect(await held.code(TOKEN)).toBe('revoked');
    expect(held.server.callsTo('/v1/lookups')).toHaveLength(calls);
    // What was revoked is refused as that by every requirement, but where it must not be known at all.
    const { requirement } = held.verifier;
    expect(await held.code(TOKEN, { ...requirement, audience: 'https://other.example.test' })).toBe('revoked');
    expect(await held.code(TOKEN, { ...requirement, workspace: 'ws_2' })).toBe('unknown');
  });

  test('is forgotten although it was revoked, once more changes', async () => {
    await using held = await knowing();
    held.stream.change(11, 'token.revoked', 'tok_1');
    held.stream.change(12, 'workspace.updated', 'ws_1');
    await held.settled();
    expect(held.verifier.metrics().cached).toBe(0);
  });
});

describe('what nobody has', () => {
  test.each(['token.created', 'token.imported', 'token.rotated'])('is asked for again after %s', async (kind) => {
    await using held = await knowing();
    expect(await held.code(OTHER_TOKEN)).toBe('unknown');
    expect(await held.code(OTHER_TOKEN)).toBe('unknown');
    expect(held.verifier.metrics()).toMatchObject({ absent: 1, cachedAbsent: 1 });
    held.server.tokens.set(OTHER_TOKEN, factsOf({ id: 'tok_2', expiresAt: undefined }));
    held.server.seq = 11;
    held.stream.change(11, kind, 'tok_2');
    await held.settled();
    expect(await held.code(OTHER_TOKEN)).toBe('ok');
  });

  test('is asked for again after a short while', async () => {
    await using held = await knowing();
    expect(await held.code(OTHER_TOKEN)).toBe('unknown');
    held.server.tokens.set(OTHER_TOKEN, factsOf({ id: 'tok_2', expiresAt: undefined }));
    held.now += 9999;
    held.stream.beat({ seq: 10, clock: 10_009 });
    await held.settled();
    expect(await held.code(OTHER_TOKEN)).toBe('unknown');
    held.now += 1;
    expect(await held.code(OTHER_TOKEN)).toBe('ok');
  });
});

describe('what was on its way while something changed', () => {
  test('is not used, but asked for again', async () => {
    await using held = await knowing();
    held.server.mode = 'hang';
    held.server.tokens.set(OTHER_TOKEN, factsOf({ id: 'tok_2', expiresAt: undefined }));
    const asked = held.code(OTHER_TOKEN);
    await held.settled();
    // The feed is quicker than the answer that was read before the change.
    held.stream.change(11, 'token.revoked', 'tok_2');
    await held.settled();
    held.server.mode = 'answer';
    await held.settled();
    held.server.tokens.set(OTHER_TOKEN, factsOf({ id: 'tok_2', revokedAt: 1 }));
    held.server.seq = 11;
    expect(await asked).toBe('revoked');
    expect(held.verifier.metrics().cached).toBe(2);
  });

  test('is kept where the change is of another token, or was known when it was read', async () => {
    await using held = await knowing();
    held.server.mode = 'hang';
    held.server.tokens.set(OTHER_TOKEN, factsOf({ id: 'tok_2', expiresAt: undefined }));
    const asked = held.code(OTHER_TOKEN);
    await held.settled();
    held.stream.change(11, 'token.updated', 'tok_2');
    held.stream.change(12, 'token.revoked', 'tok_3');
    await held.settled();
    held.server.seq = 11;
    held.server.mode = 'answer';
    expect(await asked).toBe('ok');
    expect(held.verifier.metrics()).toMatchObject({ cached: 2, misses: 2 });
  });

  test('is refused where it never settles', async () => {
    await using held = await knowing();
    held.server.tokens.set(OTHER_TOKEN, factsOf({ id: 'tok_2', expiresAt: undefined }));
    // Every answer is from before a change that was told already.
    held.stream.change(11, 'token.revoked', 'tok_2');
    await held.settled();
    expect(await held.code(OTHER_TOKEN)).toBe('fault');
    expect(held.verifier.metrics().cached).toBe(1);
  });

  test('is used and not kept where it was read before anything that is remembered', async () => {
    await using held = await knowing();
    held.server.tokens.set(OTHER_TOKEN, factsOf({ id: 'tok_2', expiresAt: undefined }));
    held.server.seq = 9;
    expect(await held.code(OTHER_TOKEN)).toBe('ok');
    expect(held.verifier.metrics().cached).toBe(1);
  });
});

describe('a stream that ends', () => {
  test('is resumed where it was, and what was missed is applied before anything is believed again', async () => {
    await using held = await knowing();
    held.stream.change(11, 'token.created', 'tok_2');
    await held.settled();
    const next = held.server.opened();
    held.stream.end();
    const second = await next;
    expect(second.since).toBe('11');
    held.server.tokens.set(TOKEN, { ...facts, revokedAt: 1 });
    held.server.seq = 12;
    second.change(12, 'token.revoked', 'tok_1');
    second.beat({ seq: 12, clock: 5 });
    await held.settled();
    expect(await held.code(TOKEN)).toBe('revoked');
  });

  test('is opened again where it brings what cannot be read', async () => {
    await using held = await knowing();
    const next = held.server.opened();
    held.stream.send('event: token.revoked\ndata: {"seq":"11"}\n\n');
    expect((await next).since).toBe('10');
  });

  test('is given up where it brings nothing at all', async () => {
    await using held = await following({ stalenessMs: 2000 });
    held.stream.beat({ seq: 10, clock: 0 });
    await held.settled();
    const next = held.server.opened();
    held.now += 2001;
    expect((await next).since).toBe('10');
  });

  test('for ever, since the verifier may no longer listen, leaves nothing in memory', async () => {
    await using held = await knowing();
    held.server.mode = 'forbid';
    held.stream.end();
    await expect.poll(() => held.verifier.metrics().cached).toBe(0);
    expect(await held.code(TOKEN)).toBe('fault');
  });
});

describe('a position that is lost', () => {
  test('empties the memory: what happened meanwhile will not be told', async () => {
    await using held = await knowing();
    held.stream.send('event: missed\ndata: {"seq":50,"mark":"mark_of_number_50","clock":1,"asOf":1}\n\n');
    await held.settled();
    expect(held.verifier.metrics().cached).toBe(0);
    held.server.seq = 50;
    held.stream.beat({ seq: 50, clock: 2 });
    expect(await held.code(TOKEN)).toBe('ok');
    expect(held.verifier.metrics().cached).toBe(1);
    held.stream.change(51, 'token.updated', 'tok_1');
    await held.settled();
    expect(held.verifier.metrics().cached).toBe(0);
  });

  test('is noticed where the numbers of a restored server go back', async () => {
    await using held = await knowing();
    held.stream.beat({ seq: 7, clock: 5 });
    await held.settled();
    expect(held.verifier.metrics().cached).toBe(0);
    const next = held.server.opened();
    held.stream.end();
    expect((await next).since).toBe('7');
  });
});

describe('imported tokens', () => {
  const text = 'sk_live_of_another_system_000001';
  const imported = factsOf({ id: 'tok_7', expiresAt: undefined });

  test('are looked up by their prefix, and no other text of foreign shape is', async () => {
    await using held = await following();
    held.server.seq = 10;
    held.server.imports = [{ prefix: 'sk_live_', algorithm: 'sha256' }];
    held.server.tokens.set(text, imported);
    held.stream.beat({ seq: 10, clock: 0 });
    await held.settled();
    expect(await held.code(text)).toBe('ok');
    const calls = held.server.callsTo('/v1/lookups').length;
    expect(await held.code('pk_live_of_another_system_000001')).toBe('malformed');
    expect(await held.code(text)).toBe('ok');
    expect(held.server.callsTo('/v1/lookups')).toHaveLength(calls);
  });

  test('are known as soon as the feed says that some were imported', async () => {
    await using held = await knowing();
    expect(await held.code(text)).toBe('malformed');
    held.server.imports = [{ prefix: 'sk_live_', algorithm: 'sha256' }];
    held.server.tokens.set(text, imported);
    held.server.seq = 11;
    held.stream.change(11, 'token.imported', 'tok_7');
    await held.settled();
    expect(await held.code(text)).toBe('ok');
  });

  test('are a fault, and not malformed, while the server has not said what they look like', async () => {
    await using held = await following();
    held.server.mode = 'refuse';
    expect(await held.code(text)).toBe('fault');
    held.server.mode = 'answer';
    expect(await held.code(text)).toBe('malformed');
  });
});
