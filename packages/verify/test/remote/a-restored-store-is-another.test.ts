/** Of a store that was restored from an older copy nothing is believed that came after the copy, wherever the verifier had it from. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { signCompact } from '../../src/jose.ts';
import { factsAhead } from '../../src/lookups/remote/ahead.ts';
import { factsOf, OTHER_TOKEN, TOKEN } from '../support/tokens.ts';
import { AUDIENCE, following, type Held, markOf, onWire, type Stream } from '../support/told-server.ts';

const facts = factsOf({ expiresAt: undefined });
const other = factsOf({ id: 'tok_2', expiresAt: undefined });

/** A verifier that has heard of everything up to 10. */
async function at10(): Promise<Held & { readonly stream: Stream }> {
  const held = await following();
  held.server.seq = 10;
  held.stream.beat({ seq: 10, clock: 0 });
  await held.settled();
  return held;
}

/** The stream is lost, and the next one open. */
async function reopened(held: Held & { readonly stream: Stream }): Promise<Stream> {
  const next = held.server.opened();
  held.stream.end();
  const stream = await next;
  await held.settled();
  return stream;
}

const askedAfter = ({ server }: Held, text: string): number =>
  server.callsTo('/v1/lookups').filter(({ body }) => (body.digests as string[]).includes(onWire(text))).length;

describe('where a stream is opened anew', () => {
  test('facts that were looked up ahead of the feed are asked for again, and no others', async () => {
    await using held = await at10();
    held.server.tokens.set(TOKEN, facts).set(OTHER_TOKEN, other);
    expect(await held.code(OTHER_TOKEN)).toBe('ok');
    held.server.seq = 12;
    expect(await held.code(TOKEN)).toBe('ok');
    // The copy holds the changes up to 10; the number does not go back.
    held.server.seq = 10;
    held.server.tokens.delete(TOKEN);
    const stream = await reopened(held);
    expect(await held.code(TOKEN)).toBe('unknown');
    stream.beat({ seq: 10, clock: 1 });
    await held.settled();
    expect(await held.code(TOKEN)).toBe('unknown');
    expect(await held.code(OTHER_TOKEN)).toBe('ok');
    expect(askedAfter(held, OTHER_TOKEN)).toBe(1);
  });

  test('facts that the feed has come up with are not asked for again: in a healthy cluster it costs no look-up', async () => {
    await using held = await at10();
    held.server.tokens.set(TOKEN, facts);
    held.server.seq = 12;
    expect(await held.code(TOKEN)).toBe('ok');
    held.stream.change(11, 'token.created', 'tok_8');
    held.stream.beat({ seq: 12, clock: 0 });
    await held.settled();
    const { lookups } = held.verifier.metrics();
    const stream = await reopened(held);
    stream.beat({ seq: 12, clock: 1 });
    await held.settled();
    expect(await held.code(TOKEN)).toBe('ok');
    expect(held.verifier.metrics()).toMatchObject({ lookups, hits: 1 });
  });

  test('facts that were looked up ahead again and again are kept once the feed has come up with the last', async () => {
    await using held = await at10();
    held.server.tokens.set(TOKEN, facts);
    for (const seq of [11, 12]) {
      held.server.seq = seq;
      expect(await held.code(TOKEN)).toBe('ok');
      held.now += 6000;
    }
    held.stream.beat({ seq: 11, clock: 12_000 });
    await held.settled();
    await reopened(held);
    expect(held.verifier.metrics().cached).toBe(0);
  });

  test('what nobody had is asked for again', async () => {
    await using held = await at10();
    held.server.seq = 12;
    expect(await held.code(TOKEN)).toBe('unknown');
    held.server.seq = 10;
    held.server.tokens.set(TOKEN, facts);
    await reopened(held);
    expect(await held.code(TOKEN)).toBe('ok');
  });

  test('what imported tokens look like is asked for again', async () => {
    await using held = await at10();
    held.server.seq = 12;
    expect(await held.code(TOKEN)).toBe('unknown');
    held.server.seq = 10;
    held.server.imports = [{ prefix: 'sk_live_', algorithm: 'sha256' }];
    await reopened(held);
    const text = 'sk_live_of_another_system_000001';
    held.server.tokens.set(text, factsOf({ id: 'tok_7', expiresAt: undefined }));
    expect(await held.code(text)).toBe('ok');
  });

  test.each(['before', 'after'])(
    'a look-up that is under way is asked again at once, and its answer passed over: one that comes %s the other',
    async (when) => {
      await using held = await at10();
      held.server.tokens.set(TOKEN, facts);
      held.server.seq = 12;
      const [old, renewed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      held.server.lookupsHeld = old.promise;
      const verdict = held.code(TOKEN);
      await held.settled();
      held.server.lookupsHeld = renewed.promise;
      held.server.seq = 10;
      held.server.tokens.delete(TOKEN);
      await reopened(held);
      for (const { resolve } of when === 'before' ? [old, renewed] : [renewed, old]) {
        resolve();
        await held.settled();
      }
      expect(await verdict).toBe('unknown');
      expect(held.verifier.metrics().cached).toBe(0);
      expect(await held.code(TOKEN)).toBe('unknown');
    },
  );

  test('nor is it of any account that a look-up fails which was asked before', async () => {
    await using held = await at10();
    const [old, renewed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    held.server.lookupsHeld = old.promise;
    const verdict = held.code(TOKEN);
    await held.settled();
    held.server.lookupsHeld = renewed.promise;
    held.server.tokens.set(TOKEN, facts);
    await reopened(held);
    // And again where it is sent once more.
    held.server.lookupsHeld = old.promise;
    old.reject(new TypeError('terminated'));
    await held.settled();
    renewed.resolve();
    expect(await verdict).toBe('ok');
    expect(await held.code(TOKEN)).toBe('ok');
    expect(held.verifier.metrics()).toMatchObject({ hits: 1 });
  });

  test('a call that lasts is judged again', async () => {
    const cut = vi.fn();
    await using held = await at10();
    held.server.tokens.set(TOKEN, facts);
    held.server.seq = 12;
    const allowed = await held.verdict(TOKEN);
    if (!allowed.valid) throw new Error(`denied: ${allowed.code}`);
    const call = held.verifier.follow({
      presented: { authorization: [`Bearer ${TOKEN}`], apiKey: [], query: '' },
      asked: { circumstances: { address: undefined, method: undefined, url: undefined, proof: undefined, cost: 1 } },
      allowed,
      cut,
    });
    call.lasts();
    await held.settled();
    held.server.seq = 10;
    held.server.tokens.delete(TOKEN);
    await reopened(held);
    await vi.waitFor(() => expect(cut).toHaveBeenCalledOnce(), 10_000);
    expect(cut.mock.calls[0]?.[0]).toMatchObject({ code: 'unknown' });
  });

  test('what is looked up between a position that was lost and the first beat after it is ahead, too', async () => {
    await using held = await at10();
    held.stream.send(`event: missed\ndata: ${JSON.stringify({ seq: 4, mark: markOf(4), clock: 1, asOf: 1 })}\n\n`);
    await held.settled();
    held.server.tokens.set(TOKEN, facts);
    held.server.seq = 6;
    expect(await held.code(TOKEN)).toBe('ok');
    await reopened(held);
    expect(held.verifier.metrics().cached).toBe(0);
  });
});

describe('the server is told which change the verifier means by a number', () => {
  test('after a beat, after a change, and after a position that was lost', async () => {
    await using held = await at10();
    let stream = await reopened(held);
    expect(stream).toMatchObject({ since: '10', mark: markOf(10) });
    stream.change(11, 'token.created', 'tok_8');
    await held.settled();
    stream = await reopened({ ...held, stream });
    expect(stream).toMatchObject({ since: '11', mark: markOf(11) });
    stream.send(`event: missed\ndata: ${JSON.stringify({ seq: 20, mark: 'of-another-store', clock: 1, asOf: 1 })}\n\n`);
    await held.settled();
    stream = await reopened({ ...held, stream });
    expect(stream).toMatchObject({ since: '20', mark: 'of-another-store' });
  });

  test('where it says that it has another one, nothing is left, however far the numbers have come', async () => {
    await using held = await at10();
    held.server.tokens.set(TOKEN, facts);
    expect(await held.code(TOKEN)).toBe('ok');
    held.server.tokens.delete(TOKEN);
    held.server.seq = 30;
    const stream = await reopened(held);
    stream.send(`event: missed\ndata: ${JSON.stringify({ seq: 30, mark: 'of-another-store', clock: 1, asOf: 1 })}\n\n`);
    await held.settled();
    expect(held.verifier.metrics().cached).toBe(0);
    expect(await held.code(TOKEN)).toBe('unknown');
  });

  test('and a beat without it is none', async () => {
    const errors: unknown[] = [];
    await using held = await following({
      onEvent: (event) => void (event.type === 'lost' && errors.push(event.error)),
    });
    held.stream.send('event: alive\ndata: {"seq":10,"clock":1,"asOf":1}\n\n');
    await held.settled();
    const cause = expect.objectContaining({ name: 'UnreadableFacts', message: '/mark: must be a text' });
    expect(errors).toEqual([expect.objectContaining({ message: 'the change feed broke off', cause })]);
  });
});

describe('keys and notices that were read ahead of the feed', () => {
  const KID = `key_${'0'.repeat(26)}`;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const JWK = { ...publicKey.export({ format: 'jwk' }), kid: KID, use: 'sig', alg: 'EdDSA' };
  const NOW = Date.UTC(2026, 10, 22, 12);

  /** Signed after the change with this number. */
  function textOf(seq: number): string {
    const id = `tok_${String(seq).padStart(26, '0')}`;
    const times = { iat: NOW / 1000 - 60, exp: NOW / 1000 + 540 };
    const tsr = { api: 'api_1', env: 'live', kind: 'access_token', name: 'job', own: 'user', seq };
    const who = { iss: 'https://i.test', sub: 'own_1', aud: AUDIENCE, client_id: id, jti: id, scope: '' };
    return signCompact({ typ: 'at+jwt', kid: KID }, { ...who, ...times, tsr }, { alg: 'EdDSA', key: privateKey });
  }

  async function readAt(seq: number): Promise<Held & { readonly stream: Stream }> {
    const held = await following({ clock: { now: () => NOW } });
    held.server.notices = () => ({ seq: held.server.seq, workspace: 'ws_1', keys: [JWK], items: [], next: null });
    held.server.seq = seq;
    held.stream.beat({ seq: 10, clock: 0 });
    await held.settled();
    expect(await held.code(textOf(9))).toBe('ok');
    return held;
  }

  test('are read again, so that a key which the copy lacks vouches for nothing', async () => {
    await using held = await readAt(12);
    held.server.seq = 10;
    held.server.notices = () => ({ seq: 10, workspace: 'ws_1', keys: [], items: [], next: null });
    const stream = await reopened(held);
    stream.change(11, 'token.created', 'tok_8');
    stream.change(12, 'token.created', 'tok_9');
    await held.settled();
    held.server.seq = 12;
    // Signed in the history that is no more, and as old as what the feed has told since.
    expect(await held.code(textOf(11))).toBe('signature_invalid');
  });

  test('are not read again once the feed has come up with them', async () => {
    await using held = await readAt(10);
    const asked = held.server.noticesAsked.length;
    await reopened(held);
    expect(held.server.noticesAsked).toHaveLength(asked);
    expect(await held.code(textOf(8))).toBe('ok');
  });

  test('are read again where they are on their way', async () => {
    await using held = await following({ clock: { now: () => NOW } });
    const { promise, resolve } = Promise.withResolvers<void>();
    held.server.notices = () => ({ seq: 12, workspace: 'ws_1', keys: [JWK], items: [], next: null });
    held.server.noticesHeld = promise;
    held.stream.beat({ seq: 10, clock: 0 });
    await held.settled();
    held.server.notices = () => ({ seq: 10, workspace: 'ws_1', keys: [], items: [], next: null });
    await reopened(held);
    held.server.noticesHeld = undefined;
    resolve();
    await held.settled();
    expect(held.server.noticesAsked).toHaveLength(2);
    expect(await held.code(textOf(9))).toBe('signature_invalid');
  });
});

test('of what is ahead no more is remembered than its bound: the oldest is no longer kept', () => {
  const dropped: string[] = [];
  const ahead = factsAhead({ most: 2, onFull: (digest) => dropped.push(digest) });
  ahead.reached(10);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((digest) => digest as Parameters<typeof ahead.kept>[0]);
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('there are four');
  ahead.kept(d, 10);
  ahead.kept(a, 11);
  ahead.kept(b, 12);
  ahead.kept(a, 13);
  expect(dropped).toEqual([]);
  ahead.kept(c, 11);
  expect(dropped).toEqual(['b']);
  ahead.reached(11);
  expect([...ahead.take()]).toEqual(['a']);
  expect([...ahead.take()]).toEqual([]);
});
