/** An answer that lasts goes on for no longer than its token may get it, whatever framework sends it, and asking costs nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificates } from '../../../../test/support/certificates.ts';
import type { TokenFacts, VerifierOptions } from '../../src/index.ts';
import { factsOf, OTHER_TOKEN, TOKEN } from '../support/tokens.ts';
import { following, type Held, type Stream } from '../support/told-server.ts';
import { type Listening, listenTo } from './support/listening-client.ts';
import { type Pair, type StreamingService, streamingServices } from './support/streaming-services.ts';

let pair: Pair;
const authority = certificates();
beforeAll(() => {
  const { certificatePem: cert, keyPem: key } = authority.server(['127.0.0.1']);
  pair = { cert, key };
});
afterAll(authority.remove);

/** Closed at the end: tests that only wait run beside each other. */
const open: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

interface Started {
  readonly held: Held & { readonly stream: Stream };
  readonly service: StreamingService;
  /** The codes that the service heard of. */
  readonly denied: string[];
  listen(path: string, token?: string): Promise<Listening>;
}

/** A service whose verifier knows two tokens, with news up to position 10. */
async function start(
  name: string,
  facts: Partial<TokenFacts> = {},
  more: Partial<VerifierOptions> = {},
): Promise<Started> {
  const held = await following(more);
  held.server.tokens.set(TOKEN, factsOf({ expiresAt: undefined, ...facts }));
  held.server.tokens.set(OTHER_TOKEN, factsOf({ id: 'tok_2', expiresAt: undefined }));
  held.server.seq = 10;
  held.stream.beat({ seq: 10, clock: 0 });
  await held.settled();
  const denied: string[] = [];
  const serve = streamingServices[name];
  if (serve === undefined) throw new Error(`there is no ${name}`);
  const service = await serve(
    held.verifier,
    { onDeny: ({ code, caller }) => denied.push(`${code} ${caller?.id}`) },
    pair,
  );
  open.push(() => held.verifier.close(), service.close);
  const over = name === 'node:https' ? 'https' : name === 'node:http2' ? 'http2' : 'http';
  return {
    held,
    service,
    denied,
    async listen(path, token = TOKEN) {
      const listening = await listenTo({ over, port: service.port, path, token });
      open.push(listening.close);
      return listening;
    },
  };
}

/** As the server would: its look-ups know of it, and then the feed tells. */
function revoke({ held }: Started, kind = 'token.revoked', facts: Partial<TokenFacts> = { revokedAt: 1 }): void {
  held.server.tokens.set(TOKEN, factsOf({ expiresAt: undefined, ...facts }));
  held.server.seq = 11;
  held.stream.change(11, kind, 'tok_1');
}

/** Tests that run beside others have an `expect` of their own. */
const followed = ({ held }: Started, count: number, own = expect) =>
  own.poll(() => held.verifier.metrics().liveCalls, { timeout: 10_000 }).toBe(count);

describe.concurrent.each(Object.keys(streamingServices))('%s', (name) => {
  const isOffNode = name.endsWith('off Node');

  it('a stream ends when its token is revoked, and another goes on', async ({ expect }) => {
    const started = await start(name);
    const [mine, other] = await Promise.all([started.listen('/stream'), started.listen('/stream', OTHER_TOKEN)]);
    expect([mine.status, other.status]).toEqual([200, 200]);
    await followed(started, 2, expect);
    revoke(started);
    const ended = await mine.ended;
    // What a platform makes of a body that breaks is its own: this one adds a line of its error.
    if (!isOffNode) expect(ended).toBe('broken');
    await expect.poll(() => started.service.handlers.over).toBeGreaterThan(0);
    expect(started.denied).toEqual(['revoked tok_1']);
    await other.more();
    await followed(started, 1, expect);
    expect(started.held.verifier.metrics().cutCalls).toBe(1);
    other.close();
    await followed(started, 0, expect);
  });

  it('what is answered after its token was revoked is not sent', async ({ expect }) => {
    const started = await start(name);
    const answer = started.listen('/slow').then(
      ({ status, heard, ended }) => ended.then(() => `${status} ${heard()}`),
      (error: NodeJS.ErrnoException) => error.code,
    );
    await followed(started, 1, expect);
    revoke(started);
    await followed(started, 0, expect);
    started.service.handlers.slow.resolve('what only the holder may know');
    const heard = await answer;
    if (isOffNode) expect(heard).toMatch(/^401 .*"code":"invalid_token"/);
    else expect(heard).toMatch(/^(ECONNRESET|ERR_HTTP2_STREAM_CANCEL)$/);
    expect(started.denied).toEqual(['revoked tok_1']);
  });

  it('an answer that ends by itself is whole, and is followed no longer', async ({ expect }) => {
    const started = await start(name);
    const answer = started.listen('/slow');
    await followed(started, 1, expect);
    started.service.handlers.slow.resolve('done');
    const { status, heard, ended } = await answer;
    expect([status, await ended, heard()]).toEqual([200, 'whole', 'done']);
    await followed(started, 0, expect);
    expect(started.denied).toEqual([]);
  });
});

describe('a stream', () => {
  const streaming = async (facts: Partial<TokenFacts> = {}, more: Partial<VerifierOptions> = {}) => {
    const started = await start('node:http', facts, more);
    const stream = await started.listen('/stream');
    await followed(started, 1);
    return { ...started, stream };
  };
  /** Long enough for whatever would end it. */
  const goesOn = async ({ held, stream }: Awaited<ReturnType<typeof streaming>>) => {
    await held.settled();
    for (let times = 0; times < 50; times += 1) await stream.more();
    expect(held.verifier.metrics().liveCalls).toBe(1);
  };

  it.each<[string, string, Partial<TokenFacts>]>([
    ['token.disabled', 'disabled', { enabled: false }],
    ['token.updated', 'wrong_audience', { api: { id: 'api_2', audience: 'other' } }],
    ['token.rotated', 'rotated', { secret: { ...factsOf().secret, state: 'retiring', until: 1 } }],
  ])('ends by %s as %s', async (kind, code, facts) => {
    const started = await streaming();
    revoke(started, kind, facts);
    await started.stream.ended;
    expect(started.denied).toEqual([`${code} tok_1`]);
  });

  it('ends when its token expires, of which no feed tells', async () => {
    let now = 0;
    const { stream, denied } = await streaming({ expiresAt: 1000 }, { clock: { now: () => now } });
    now = 1000;
    expect(await stream.ended).toBe('broken');
    expect(denied).toEqual(['expired tok_1']);
  });

  it('goes on when its token changes so that nothing is taken away, and when another is revoked', async () => {
    const started = await streaming();
    revoke(started, 'token.updated', { name: 'renamed' });
    started.held.stream.change(12, 'token.revoked', 'tok_2');
    await goesOn(started);
    expect(started.denied).toEqual([]);
  });

  it('is judged by the server where no news comes, and ends where that does not answer', async () => {
    const started = await streaming();
    const { held, stream, denied } = started;
    const before = held.server.callsTo('/v1/lookups').length;
    held.now += 5001;
    await expect.poll(() => held.server.callsTo('/v1/lookups').length).toBeGreaterThan(before);
    await goesOn(started);
    held.server.mode = 'fail';
    expect(await stream.ended).toBe('broken');
    expect(denied).toEqual(['fault undefined']);
  });

  it('ends when the verifier is closed', async () => {
    const { held, stream, denied } = await streaming();
    await held.verifier.close();
    await stream.ended;
    expect(denied).toEqual(['fault undefined']);
  });

  it('is counted once, by this process or by the server', async () => {
    const limit = { key: 'k', name: 'calls', limit: 100, windowSeconds: 60, burst: 100, cost: 1 };
    const started = await start('node:http', { limits: [limit] });
    const { held } = started;
    held.server.answers.set('/v1/verify', () => ({ valid: true, code: 'ok', id: 'tok_1' }));
    const [mine, other] = [await started.listen('/stream'), await started.listen('/stream', OTHER_TOKEN)];
    await followed(started, 2);
    for (let seq = 11; seq < 20; seq += 1) {
      held.server.seq = seq;
      for (const id of ['tok_1', 'tok_2']) held.stream.change(seq, 'token.updated', id);
      await held.settled();
    }
    await Promise.all([mine.more(), other.more()]);
    expect(held.server.callsTo('/v1/verify')).toHaveLength(1);
    await held.verifier.close();
    const counts = held.server.callsTo('/v1/usage').flatMap(({ body }) => body.counts);
    expect(counts).toMatchObject([{ token: 'tok_2', allowed: 1, denied: 0 }]);
  });
});
