/** Whoever dies is replaced, later each time it dies again at once; a start that fails leaves nobody behind. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Supervised, supervise } from '../../src/workers/supervisor.ts';

const BACKOFF = { firstMs: 100, mostMs: 500, forgottenMs: 60_000 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Puppet extends Supervised {
  readonly number: number;
  serve(): void;
  die(error?: Error): void;
}

async function aCrew(count: number) {
  const started: Puppet[] = [];
  const losses: { readonly number: number; readonly error: string | undefined; readonly againInMs: number }[] = [];
  const supervising = supervise({
    count,
    backoff: BACKOFF,
    start: () => {
      const ready = Promise.withResolvers<void>();
      const gone = Promise.withResolvers<Error | undefined>();
      ready.promise.catch(() => undefined);
      const puppet: Puppet = {
        number: started.length,
        ready: ready.promise,
        gone: gone.promise,
        serve: ready.resolve,
        die(error) {
          ready.reject(error ?? new Error('died'));
          gone.resolve(error);
        },
        async end() {
          puppet.die();
        },
      };
      started.push(puppet);
      return puppet;
    },
    onLost: ({ number }, { error, againInMs }) => losses.push({ number, error: error?.message, againInMs }),
  });
  supervising.catch(() => undefined);
  return { started, losses, supervising };
}

async function serving(count: number) {
  const { started, losses, supervising } = await aCrew(count);
  started[0]?.serve();
  await vi.advanceTimersByTimeAsync(0);
  for (const puppet of started) puppet.serve();
  return { started, losses, supervisor: await supervising };
}

describe('a start', () => {
  test('begins with one, and with the others when that one serves', async () => {
    const { started } = await aCrew(3);
    await vi.advanceTimersByTimeAsync(1000);
    expect(started).toHaveLength(1);
    started[0]?.serve();
    await vi.advanceTimersByTimeAsync(0);
    expect(started).toHaveLength(3);
  });

  test('fails where one cannot serve, says why, and ends all the others', async () => {
    const { losses, started, supervising } = await aCrew(3);
    started[0]?.serve();
    await vi.advanceTimersByTimeAsync(0);
    started[1]?.serve();
    started[2]?.die(new Error('no such port'));
    await expect(supervising).rejects.toThrow('no such port');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await Promise.all(started.map(({ gone }) => gone))).toHaveLength(3);
    expect({ losses, started: started.length }).toEqual({ losses: [], started: 3 });
  });
});

describe('a death', () => {
  test('costs nobody else anything, and its place is taken', async () => {
    const { losses, started, supervisor } = await serving(3);
    started[1]?.die(new Error('out of memory'));
    await vi.advanceTimersByTimeAsync(0);
    expect(losses).toEqual([{ number: 1, error: 'out of memory', againInMs: 100 }]);
    expect(supervisor.threads()).toEqual([started[0], started[2]]);
    await vi.advanceTimersByTimeAsync(100);
    expect(supervisor.threads()).toEqual([started[0], started[2], started[3]]);
  });

  test('that comes again and again is followed later each time, up to a bound, and another place is not', async () => {
    const { losses, started } = await serving(2);
    for (const number of [1, 2, 3, 4, 5]) {
      started[number]?.die();
      await vi.advanceTimersByTimeAsync(500);
    }
    started[0]?.die();
    await vi.advanceTimersByTimeAsync(0);
    expect(losses.map(({ againInMs }) => againInMs)).toEqual([100, 200, 400, 500, 500, 100]);
  });

  test('after a long life is the first one again', async () => {
    const { losses, started } = await serving(2);
    started[1]?.die();
    await vi.advanceTimersByTimeAsync(100);
    started[2]?.die();
    await vi.advanceTimersByTimeAsync(200);
    await vi.advanceTimersByTimeAsync(60_000);
    started[3]?.die();
    await vi.advanceTimersByTimeAsync(0);
    expect(losses.map(({ againInMs }) => againInMs)).toEqual([100, 200, 100]);
  });

  test('after the release is not followed, neither is one just before', async () => {
    const { started, supervisor } = await serving(3);
    started[1]?.die();
    await vi.advanceTimersByTimeAsync(50);
    expect(supervisor.release()).toEqual([started[0], started[2]]);
    started[0]?.die();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(started).toHaveLength(3);
  });
});
