/** More requests than can be answered: some begin, the others wait for their turn, and none waits for long. */
import { setImmediate as turnOver } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { listen } from '../../src/http/listen.ts';
import type { Handler, Listener } from '../../src/http/listen-options.ts';
import { inTurns, type TurnsOptions } from '../../src/http/turns.ts';
import { answerOf, connection, hear, type RawAnswer } from '../gateway/support/raw-client.ts';

let listener: Listener | undefined;
afterEach(() => listener?.close(0));

const AT_ONCE = 12;
let shed = 0;
const errors: unknown[] = [];

/** Requests that are here in one turn of the event loop: each on a connection of its own. */
async function together(handler: Handler, options: Partial<TurnsOptions> = {}): Promise<readonly RawAnswer[]> {
  shed = 0;
  errors.length = 0;
  const arrived: (() => void)[] = [];
  const all = Promise.withResolvers<void>();
  const taken = inTurns(handler, {
    perTurn: 5,
    onShed: () => {
      shed += 1;
    },
    ...options,
  });
  listener = await listen({
    handler: (request, response) =>
      new Promise<void>((resolve, reject) => {
        arrived.push(() => {
          new Promise((begun) => begun(taken(request, response))).then(() => resolve(), reject);
        });
        if (arrived.length === AT_ONCE) all.resolve();
      }),
    host: '127.0.0.1',
    port: 0,
    onError: (error) => errors.push(error),
  });
  const sockets = Array.from({ length: AT_ONCE }, (_, each) =>
    connection(listener?.port ?? 0, `GET /${each} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
  );
  const answers = sockets.map((socket) => answerOf(hear(socket)));
  await all.promise;
  for (const arrive of arrived) arrive();
  return Promise.all(answers);
}

describe('requests that arrive at once', () => {
  it('begin a few in each turn of the event loop, and all are answered', async () => {
    const begunIn: number[] = [];
    let turn = 0;
    let counting = true;
    const count = async (): Promise<void> => {
      while (counting) {
        await turnOver();
        turn += 1;
      }
    };
    const counted = count();
    const answers = await together((_request, response) => {
      begunIn.push(turn);
      response.end('ok');
    });
    counting = false;
    await counted;
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(AT_ONCE).fill(200));
    const perTurn = Map.groupBy(begunIn, (at) => at);
    expect(Math.max(...[...perTurn.values()].map((some) => some.length))).toBe(5);
    expect(shed).toBe(0);
  });

  it('are refused with 503 and when to come back, where their turn comes too late', async () => {
    let now = 0;
    const answers = await together(
      (_request, response) => {
        now += 300;
        response.end('ok');
      },
      { maxWaitMs: 1000, monotonic: () => now },
    );
    const refused = answers.filter(({ status }) => status !== 200);
    // Five at once, five in the turn after it, which takes longer than the others may wait.
    expect(refused.length).toBe(AT_ONCE - 10);
    expect(shed).toBe(AT_ONCE - 10);
    for (const { status, head, body } of refused) {
      expect([status, JSON.parse(body).code]).toEqual([503, 'overloaded']);
      expect(head).toContain('\r\nRetry-After: 1\r\n');
      expect(JSON.parse(body).title).toBe('More requests arrive than can be answered');
    }
  });

  it('do not hold up what is urgent', async () => {
    const order: string[] = [];
    await together(
      ({ url = '' }, response) => {
        order.push(url);
        response.end('ok');
      },
      { isUrgent: ({ url }) => url === '/11' },
    );
    expect(order.indexOf('/11')).toBeLessThanOrEqual(5);
    expect(new Set(order).size).toBe(AT_ONCE);
  });

  it('fail one by one: what a handler throws, now or later, is its own request’s', async () => {
    const answers = await together(({ url }, response) => {
      if (url === '/7') throw new Error('now');
      if (url === '/9') return Promise.reject(new Error('later'));
      response.end('ok');
      return undefined;
    });
    expect(answers.filter(({ status }) => status === 500).length).toBe(2);
    expect(answers.filter(({ status }) => status === 200).length).toBe(AT_ONCE - 2);
    expect(errors.map(String).sort()).toEqual(['Error: later', 'Error: now']);
  });

  it('are not begun where the client has gone meanwhile', async () => {
    const begun: string[] = [];
    const gone = Promise.withResolvers<void>();
    const held = inTurns(
      ({ url = '' }, response) => {
        begun.push(url);
        response.end('ok');
      },
      { perTurn: 1, onShed: () => {} },
    );
    listener = await listen({
      handler: (request, response) => {
        // The turn is taken: the request that counts waits for the next, and its client leaves before.
        if (request.url !== '/gone') return held(request, response);
        void held(request, response);
        request.socket.destroy();
        const waits = held(request, response);
        gone.resolve();
        return waits;
      },
      host: '127.0.0.1',
      port: 0,
      onError: (error) => errors.push(error),
    });
    const leaving = connection(listener.port, 'GET /gone HTTP/1.1\r\nHost: a\r\n\r\n');
    const left = hear(leaving);
    await gone.promise;
    await left;
    const last = connection(listener.port, 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect((await answerOf(hear(last))).status).toBe(200);
    expect(begun).toEqual(['/gone', '/last']);
  });
});
