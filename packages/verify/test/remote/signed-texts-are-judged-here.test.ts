/** A verifier believes what was signed as long as it knows of everything that changed since, and of no key that is gone. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { signCompact } from '../../src/jose.ts';
import { factsOf } from '../support/tokens.ts';
import { AUDIENCE, following, type Held, type Stream } from '../support/told-server.ts';

const KID = `key_${'0'.repeat(26)}`;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const JWK = { ...publicKey.export({ format: 'jwk' }), kid: KID, use: 'sig', alg: 'EdDSA' };
const NOW = Date.UTC(2026, 10, 22, 12);
const UNTIL = new Date(NOW + 600_000).toISOString();

type Told = ReturnType<Held['server']['notices']>;

const told = (more: Partial<Told> = {}): Told => ({
  seq: 10,
  workspace: 'ws_1',
  keys: [JWK],
  items: [],
  next: null,
  ...more,
});

/** A verifier with news up to position 10, which has asked for keys and notices. */
async function knowing(notices: Held['server']['notices']): Promise<Held & { readonly stream: Stream }> {
  const held = await following({ clock: { now: () => NOW } });
  held.server.seq = 10;
  held.server.notices = notices;
  held.stream.beat({ seq: 10, clock: 0 });
  await held.settled();
  return held;
}

/** Signed a minute ago, after the change with this number. */
function textOf(number: number, { seq = 9, kid = KID, ...more }: { seq?: number; kid?: string; up?: string[] } = {}) {
  const id = `tok_${String(number).padStart(26, '0')}`;
  const times = { iat: NOW / 1000 - 60, exp: NOW / 1000 + 540 };
  const tsr = { api: 'api_1', env: 'live', kind: 'access_token', name: 'job', own: 'user', seq, ...more };
  const claims = {
    iss: 'https://i.test',
    sub: 'own_1',
    aud: AUDIENCE,
    client_id: id,
    jti: id,
    scope: '',
    ...times,
    tsr,
  };
  return { id, text: signCompact({ typ: 'at+jwt', kid }, claims, { alg: 'EdDSA', key: privateKey }) };
}

const notice = (seq: number, kind: string, id: string) => ({
  seq,
  kind,
  id,
  at: new Date(NOW - 1000).toISOString(),
  signedUntil: UNTIL,
});

describe('a signed text', () => {
  test('that came with a change that was never heard of, as after a restore, is asked for until it was', async () => {
    await using held = await knowing(() => told());
    const { text } = textOf(1, { seq: 10 });
    expect(await held.code(text)).toBe('unknown');
    held.server.seq = 11;
    held.stream.change(11, 'token.created', 'tok_x');
    await held.settled();
    expect(await held.code(textOf(2, { seq: 10 }).text)).toBe('ok');
  });

  test('is allowed without a look-up, and asked for where a notice concerns it', async () => {
    const [fine, child, ended] = [textOf(1), textOf(2, { up: ['tok_9'] }), textOf(3)];
    await using held = await knowing((after) =>
      after === 'more'
        ? told({ items: [notice(9, 'token.revoked', 'tok_9')] })
        : told({ items: [notice(8, 'token.revoked', ended.id)], next: 'more' }),
    );
    expect(held.server.noticesAsked).toEqual([String(NOW), 'more']);
    const { lookups } = held.verifier.metrics();
    expect(await held.code(fine.text)).toBe('ok');
    expect(held.verifier.metrics().lookups).toBe(lookups);
    // The server was told of no token: whoever is asked for is unknown.
    expect(await held.code(ended.text)).toBe('unknown');
    expect(await held.code(child.text)).toBe('unknown');
    expect(await held.code(textOf(4).text)).toBe('ok');
    held.stream.change(11, 'owner.disabled', 'own_1', { at: new Date(NOW).toISOString(), signedUntil: UNTIL });
    await held.settled();
    expect(await held.code(fine.text)).toBe('unknown');
    expect(await held.code(textOf(5).text)).toBe('unknown');
  });

  test('is believed by no answer that is older than the feed', async () => {
    await using held = await knowing(() => told({ seq: 9 }));
    expect(await held.code(textOf(1).text)).toBe('unknown');
    held.server.notices = () => told();
    held.now += 1000;
    expect(await held.code(textOf(2).text)).toBe('unknown');
    await held.settled();
    expect(await held.code(textOf(2).text)).toBe('ok');
  });

  test('hears of what changed while the notices were on their way', async () => {
    const gate = Promise.withResolvers<void>();
    const held = await following({ clock: { now: () => NOW } });
    await using _ = held;
    held.server.seq = 10;
    held.server.notices = () => told();
    held.server.noticesHeld = gate.promise;
    held.stream.beat({ seq: 10, clock: 0 });
    held.stream.change(11, 'token.revoked', textOf(1).id, { at: new Date(NOW).toISOString(), signedUntil: UNTIL });
    await held.settled();
    gate.resolve();
    await held.settled();
    expect(await held.code(textOf(1).text)).toBe('unknown');
    expect(await held.code(textOf(2).text)).toBe('ok');
  });

  test('is refused once its key is gone, whatever an answer says that was on its way', async () => {
    await using held = await knowing(() => told());
    expect(await held.code(textOf(1).text)).toBe('ok');
    const gate = Promise.withResolvers<void>();
    held.server.noticesHeld = gate.promise;
    held.stream.change(11, 'key.created', `key_${'1'.repeat(26)}`);
    held.stream.change(12, 'key.deleted', KID);
    await held.settled();
    gate.resolve();
    await held.settled();
    expect(await held.code(textOf(1).text)).toBe('signature_invalid');
    expect(await held.code(textOf(2).text)).toBe('signature_invalid');
  });

  test('by an unknown key asks for keys, and seldom', async () => {
    await using held = await knowing(() => told());
    const stranger = textOf(1, { kid: `key_${'2'.repeat(26)}` }).text;
    held.now += 5000;
    held.stream.beat({ seq: 10, clock: 5000 });
    await held.settled();
    for (let times = 0; times < 20; times += 1) expect(await held.code(stranger)).toBe('signature_invalid');
    expect(held.server.noticesAsked).toHaveLength(2);
    expect(await held.code(textOf(2, { kid: 'theirs' }).text)).toBe('signature_invalid');
    expect(held.server.noticesAsked).toHaveLength(2);
  });

  test('by a key that was made a moment ago is looked up until the key is known', async () => {
    await using held = await knowing(() => told());
    const { text } = textOf(1, { kid: `key_${'3'.repeat(26)}` });
    held.server.tokens.set(text, factsOf({ expiresAt: undefined }));
    expect(await held.code(text)).toBe('ok');
    expect(await held.code(textOf(2, { kid: `key_${'3'.repeat(26)}` }).text)).toBe('signature_invalid');
  });

  test('is not believed without news, nor by a verifier that is refused', async () => {
    await using held = await knowing(() => told());
    held.now += 5001;
    expect(await held.code(textOf(1).text)).toBe('unknown');
    held.server.mode = 'refuse';
    expect(await held.code(textOf(1).text)).toBe('fault');
  });
});
