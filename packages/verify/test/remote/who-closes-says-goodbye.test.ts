/** A verifier that is closed tells the server so, last of all and within its time, so that nobody waits for it to confirm. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { factsOf, TOKEN } from '../support/tokens.ts';
import { following, type Held } from '../support/told-server.ts';

const SECOND = 1000;
const TIMEOUT_MS = 2000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A verifier that has told where it stands. */
async function reporting(): Promise<Held & { readonly errors: unknown[] }> {
  const errors: unknown[] = [];
  const held = await following({
    onEvent: (event) => event.type === 'error' && errors.push(event.error),
  });
  held.server.tokens.set(TOKEN, factsOf({ expiresAt: undefined }));
  held.stream.beat({ seq: 0, clock: 0 });
  await held.settled();
  await vi.advanceTimersByTimeAsync(SECOND);
  await held.settled();
  expect(held.server.callsTo('/v1/positions')).toHaveLength(1);
  return Object.assign(held, { errors });
}

const paths = ({ server }: Held): string[] => server.calls.map(({ path }) => path);

test('after what it counted, under its own name, once', async () => {
  const held = await reporting();
  await held.code(TOKEN);
  await held.verifier.close();
  await held.verifier.close();
  expect(paths(held).slice(-2)).toEqual(['/v1/usage', '/v1/positions/withdraw']);
  expect(held.server.callsTo('/v1/positions/withdraw')).toEqual([
    { path: '/v1/positions/withdraw', body: { verifier: held.verifier.id } },
  ]);
  expect(held.errors).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('after a position that is under way, which would make it count again', async () => {
  const held = await reporting();
  held.server.mode = 'hang';
  // The position is told anew by then.
  held.now += 10 * SECOND;
  await vi.advanceTimersByTimeAsync(SECOND);
  const closed = held.verifier.close();
  await held.settled();
  expect(paths(held).at(-1)).toBe('/v1/positions');
  held.server.mode = 'answer';
  await closed;
  expect(paths(held).slice(-2)).toEqual(['/v1/positions', '/v1/positions/withdraw']);
});

test('not where the server never heard of it', async () => {
  const held = await following();
  held.stream.beat({ seq: 0, clock: 0 });
  await held.settled();
  await held.verifier.close();
  expect(paths(held)).not.toContain('/v1/positions/withdraw');
});

test('within the time of one call: a server that says nothing holds up no end', async () => {
  const held = await reporting();
  held.server.mode = 'hang';
  let isClosed = false;
  const closed = held.verifier.close().then(() => {
    isClosed = true;
  });
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
  expect([isClosed, paths(held).at(-1)]).toEqual([false, '/v1/positions/withdraw']);
  await vi.advanceTimersByTimeAsync(1);
  await closed;
  expect(vi.getTimerCount()).toBe(0);
});

test('and does not begin when its counts have taken all the time', async () => {
  const held = await reporting();
  await held.code(TOKEN);
  held.server.mode = 'hang';
  const closed = held.verifier.close();
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  await closed;
  held.server.mode = 'answer';
  await held.settled();
  await vi.advanceTimersByTimeAsync(SECOND);
  expect(paths(held)).not.toContain('/v1/positions/withdraw');
  expect(held.errors.map(String)).toEqual([expect.stringContaining('/v1/usage could not be asked')]);
});

test('and where the server refuses, that is told and it is closed all the same', async () => {
  const held = await reporting();
  held.server.mode = 'forbid';
  await held.verifier.close();
  expect(held.errors.map(String)).toEqual([
    expect.stringContaining(
      '/v1/positions/withdraw was refused with 401: the token of the verifier is no management token',
    ),
  ]);
  expect(await held.code(TOKEN)).toBe('fault');
});
