/** What is in memory is believed for as long as the server proves that nothing was missed, and for no verdict longer. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { requirement } from '../../src/index.ts';
import { factsOf, OTHER_TOKEN, TOKEN } from '../support/tokens.ts';
import { following, notFollowing } from '../support/told-server.ts';

const facts = factsOf({ expiresAt: undefined });

describe('with news', () => {
  test('a token is asked for once', async () => {
    await using held = await following();
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 70_000 });
    await held.settled();
    for (let time = 0; time < 20; time += 1) {
      held.now += 1000;
      held.stream.beat({ seq: 0, clock: 70_000 + time * 1000 + 1000 });
      await held.settled();
      expect(await held.code(TOKEN)).toBe('ok');
    }
    expect(held.server.callsTo('/v1/lookups').filter(({ body }) => (body.digests as string[]).length > 0)).toHaveLength(
      2,
    );
    expect(held.verifier.metrics()).toMatchObject({ hits: 19, misses: 1, rechecks: 0, cached: 1 });
  });

  test('what a service does to the caller that it was told of changes no later verdict', async () => {
    await using held = await following();
    held.server.tokens.set(TOKEN, { ...facts, scopes: ['orders:read'] });
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    const asked = requirement({ scopes: ['admin'] });
    expect(await held.code(TOKEN, asked)).toBe('insufficient_scope');
    const { principal } = await held.verdict(TOKEN);
    expect(() => Object.assign(principal?.api ?? {}, { audience: 'other' })).toThrow(TypeError);
    expect(() => Object.assign(principal ?? {}, { scopes: ['admin'] })).toThrow(TypeError);
    expect(await held.code(TOKEN, asked)).toBe('insufficient_scope');
  });

  test('a verdict on what is in memory is a plain value', async () => {
    await using held = await following();
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    await held.code(TOKEN);
    const verdict = held.verifier.verify(
      { authorization: [`Bearer ${TOKEN}`], apiKey: [], query: '' },
      { circumstances: { address: undefined, method: undefined, url: undefined, proof: undefined, cost: 1 } },
    );
    expect(verdict).not.toBeInstanceOf(Promise);
  });
});

describe('without news for the bound', () => {
  test('every token is looked up again before it is allowed', async () => {
    await using held = await following({ stalenessMs: 5000 });
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    expect(await held.code(TOKEN)).toBe('ok');
    held.now += 5000;
    expect(await held.code(TOKEN)).toBe('ok');
    expect(held.verifier.metrics()).toMatchObject({ hits: 1, rechecks: 0 });
    held.server.tokens.set(TOKEN, { ...facts, revokedAt: 1 });
    held.now += 1;
    expect(await held.code(TOKEN)).toBe('revoked');
    expect(held.verifier.metrics()).toMatchObject({
      hits: 1,
      rechecks: 1,
      lagSeconds: 5.001,
      stalenessBoundSeconds: 5,
    });
  });

  test('one look-up serves all requests that come while it is under way', async () => {
    await using held = await following();
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    await held.code(TOKEN);
    held.now += 6000;
    const before = held.server.callsTo('/v1/lookups').length;
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => held.code(TOKEN))))).toEqual(new Set(['ok']));
    expect(held.server.callsTo('/v1/lookups')).toHaveLength(before + 1);
  });

  test.each(['refuse', 'fail', 'forbid'] as const)('it is denied where the server does not say (%s)', async (mode) => {
    await using held = await following();
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    await held.code(TOKEN);
    held.server.mode = mode;
    expect(await held.code(TOKEN)).toBe('ok');
    held.now += 5001;
    expect(await held.code(TOKEN)).toBe('fault');
  });

  test('it is denied where the server answers too late', async () => {
    await using held = await following({ timeoutMs: 20 });
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    await held.code(TOKEN);
    held.server.mode = 'hang';
    held.now += 5001;
    expect(await held.code(TOKEN)).toBe('fault');
  });

  test('what the server does not know is not believed either', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    expect(await held.code(TOKEN)).toBe('unknown');
    held.server.tokens.set(TOKEN, facts);
    expect(await held.code(TOKEN)).toBe('unknown');
    held.now += 5001;
    expect(await held.code(TOKEN)).toBe('ok');
  });
});

describe('only where the service asks for it by its dangerous name', () => {
  test('a token in memory is served until the second bound, and not beyond', async () => {
    await using held = await following({ dangerouslyServeStaleForMs: 60_000 });
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    await held.code(TOKEN);
    held.server.mode = 'refuse';
    held.now += 60_000;
    expect(await held.code(TOKEN)).toBe('ok');
    expect(await held.code(OTHER_TOKEN)).toBe('fault');
    expect(held.verifier.metrics()).toMatchObject({ servedStale: 1 });
    held.now += 1;
    expect(await held.code(TOKEN)).toBe('fault');
  });

  test('what the server says is believed first, and outlives its silence', async () => {
    await using held = await following({ dangerouslyServeStaleForMs: 60_000 });
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    await held.code(TOKEN);
    held.now += 10_000;
    held.server.tokens.set(TOKEN, { ...facts, revokedAt: 1 });
    expect(await held.code(TOKEN)).toBe('revoked');
    held.server.mode = 'refuse';
    expect(await held.code(TOKEN)).toBe('revoked');
  });

  test('who may no longer ask is served nothing', async () => {
    await using held = await following({ dangerouslyServeStaleForMs: 60_000 });
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    await held.code(TOKEN);
    held.now += 10_000;
    held.server.mode = 'forbid';
    expect(await held.code(TOKEN)).toBe('fault');
    held.server.mode = 'refuse';
    expect(await held.code(TOKEN)).toBe('fault');
  });
});

describe('after a pause of the process', () => {
  test('beats that waited to be read prove nothing of now', async () => {
    await using held = await following();
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 1_000_000 });
    await held.settled();
    await held.code(TOKEN);
    // A minute passes, and then what the server sent in its first seconds is read at once.
    held.now += 60_000;
    for (let second = 1; second <= 30; second += 1) held.stream.beat({ seq: 0, clock: 1_000_000 + second * 1000 });
    await held.settled();
    expect(held.verifier.metrics().lagSeconds).toBeCloseTo(30, 0);
    held.server.mode = 'refuse';
    expect(await held.code(TOKEN)).toBe('fault');
  });

  test('the answer to a question from before it serves nobody who asks after it', async () => {
    await using held = await following({ timeoutMs: 2000 });
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    held.server.mode = 'hang';
    const before = held.code(TOKEN);
    await held.settled();
    held.now += 60_000;
    const after = held.code(TOKEN);
    await held.settled();
    const asked = held.server.callsTo('/v1/lookups').length;
    held.server.tokens.set(TOKEN, { ...facts, revokedAt: 1 });
    held.server.mode = 'answer';
    expect(await after).toBe('revoked');
    await before;
    expect(held.server.callsTo('/v1/lookups')).toHaveLength(asked);
  });
});

describe('after the machine slept', () => {
  test('what was in memory is not believed, though no clock but that of the wall says that time passed', async () => {
    await using held = await following({ monotonic: undefined });
    held.server.tokens.set(TOKEN, facts);
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    expect([await held.code(TOKEN), await held.code(TOKEN)]).toEqual(['ok', 'ok']);
    expect(held.verifier.metrics()).toMatchObject({ hits: 1, rechecks: 0 });
    held.server.tokens.set(TOKEN, { ...facts, revokedAt: 1 });
    const before = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => before() + 600_000);
    onTestFinished(() => void vi.restoreAllMocks());
    await held.settled();
    expect(await held.code(TOKEN)).toBe('revoked');
    expect(held.verifier.metrics()).toMatchObject({ hits: 1, rechecks: 1 });
  });

  test('the stream, whose news would count as that much older for ever, is opened anew', async () => {
    await using held = await following();
    held.stream.beat({ seq: 7, clock: 0 });
    await held.settled();
    const opened = held.server.opened();
    // Four seconds on no other clock, and then time goes on.
    held.now += 4000;
    for (let second = 1; second <= 4; second += 1) {
      held.now += 1000;
      held.stream.beat({ seq: 7, clock: second * 1000 });
      await held.settled();
    }
    expect(held.verifier.metrics().lagSeconds).toBeCloseTo(4, 1);
    const stream = await opened;
    expect(stream.since).toBe('7');
    stream.beat({ seq: 7, clock: 5000 });
    await held.settled();
    expect(held.verifier.metrics().lagSeconds).toBeCloseTo(0, 1);
  });

  test('what merely waited to be read opens none: it is behind no longer once it is read', async () => {
    await using held = await following();
    held.stream.beat({ seq: 7, clock: 0 });
    await held.settled();
    held.now += 4000;
    for (let second = 1; second <= 4; second += 1) held.stream.beat({ seq: 7, clock: second * 1000 });
    await held.settled();
    for (let second = 5; second <= 10; second += 1) {
      held.now += 1000;
      held.stream.beat({ seq: 7, clock: second * 1000 });
      await held.settled();
    }
    // One that is opened without being awaited is refused, and then nothing more is heard.
    expect(held.verifier.metrics().lagSeconds).toBeCloseTo(0, 1);
  });
});

describe('a beat proves', () => {
  test.each([
    ['that all is known as of when the server says, and not of when it is read', { clock: 5000, asOf: 4600 }, 0.4],
    ['nothing of the future, whatever the clock of the server does', { clock: 500_000, asOf: 500_000 }, 0],
    ['nothing new where the clock of the server went back', { clock: -100, asOf: -100 }, 5],
  ])('%s', async (_, beat, lag) => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    held.now += 5000;
    held.stream.beat({ seq: 0, ...beat });
    await held.settled();
    expect(held.verifier.metrics().lagSeconds).toBeCloseTo(lag, 1);
  });

  test('nothing later than the question for its stream, however long that took to be answered', async () => {
    await using held = await following();
    held.now += 3000;
    held.stream.beat({ seq: 0, clock: 9_000_000 });
    await held.settled();
    expect(held.verifier.metrics().lagSeconds).toBe(3);
  });

  test.each([
    ['no time', '{"seq":0,"clock":"now","asOf":0}'],
    ['a time that is no number', '{"seq":0,"clock":1e999,"asOf":0}'],
    ['a time before itself', '{"seq":0,"clock":1,"asOf":2}'],
    ['no position', '{"clock":1,"asOf":1}'],
    ['no JSON', 'yes'],
  ])('nothing where it has %s', async (_, data) => {
    await using held = await following();
    held.stream.send(`event: alive\ndata: ${data}\n\n`);
    await held.settled();
    expect(held.verifier.metrics().lagSeconds).toBe(Number.POSITIVE_INFINITY);
  });

  test('nothing where it is a mere comment', async () => {
    await using held = await following();
    held.stream.send(': alive\n\n');
    await held.settled();
    expect(held.verifier.metrics().lagSeconds).toBe(Number.POSITIVE_INFINITY);
  });

  test('less and less where two clocks may have drifted apart', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    held.now += 600_000;
    held.stream.beat({ seq: 0, clock: 600_000 });
    await held.settled();
    expect(held.verifier.metrics().lagSeconds).toBeCloseTo(0.6, 5);
  });
});

describe('before any news', () => {
  test('a token is looked up for each verdict', async () => {
    await using held = notFollowing();
    await held.opened;
    held.server.tokens.set(TOKEN, facts);
    expect(await held.code(TOKEN)).toBe('ok');
    expect(await held.code(TOKEN)).toBe('ok');
    expect(held.verifier.metrics()).toMatchObject({ hits: 0, misses: 2, cached: 0 });
  });

  test('a verifier that is closed says nothing but fault', async () => {
    const held = notFollowing();
    held.server.tokens.set(TOKEN, facts);
    expect(await held.code(TOKEN)).toBe('ok');
    await held.verifier.close();
    expect(await held.code(TOKEN)).toBe('fault');
    await held.verifier.close();
  });
});
