/** An issuer that is asked about tokens is asked little: once for a text at a time, so many at once, and not at all for a moment where it fails. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Issuer } from '../../src/core/issuers/issuer.ts';
import { introspection } from '../../src/issuers/introspection.ts';

const issuer: Issuer = {
  id: 'iss_1',
  workspace: 'ws_1',
  api: 'api_1',
  name: 'them',
  issuer: 'https://issuer.test',
  method: {
    introspection: { url: 'https://issuer.test/introspect', clientId: 'us', authentication: 'basic', prefix: '' },
  },
  sealed: new Uint8Array(),
  rules: {
    audience: null,
    algorithms: ['ES256'],
    tokenTypes: ['at+jwt'],
    requiredClaims: {},
    scopes: [],
    owner: null,
    maxLifetimeSeconds: 60,
  },
  enabled: true,
  createdAt: 0,
  updatedAt: 0,
  version: 1,
};

interface Asking {
  /** Answers the oldest question that waits. */
  settle(answer: object | Error): Promise<void>;
  readonly waiting: ((answer: object | Error) => void)[];
  readonly events: string[];
  now: number;
  ask(text: string, of?: Issuer): Promise<unknown>;
}

function asking(): Asking {
  const waiting: Asking['waiting'] = [];
  const events: string[] = [];
  const state: Asking = {
    waiting,
    events,
    now: 0,
    async settle(answer) {
      waiting.shift()?.(answer);
      await turn();
    },
    ask: (text, of = issuer) => asker.ask(of, text).catch((error: unknown) => (error as Error).message),
  };
  const asker = introspection({
    outbound: {
      json: () =>
        new Promise((resolve, reject) => {
          waiting.push((answer) =>
            answer instanceof Error ? reject(answer) : resolve(answer as Readonly<Record<string, unknown>>),
          );
        }),
    },
    secretOf: async () => 'secret',
    monotonic: () => state.now,
    events: {
      keys: () => undefined,
      introspected: (outcome) => events.push(outcome),
      opened: () => events.push('opened'),
    },
  });
  return state;
}

const NOT_ASKED = 'the issuer is not asked now: it fails, or is asked too much at once';
const FAILED = 'the issuer cannot be asked about its token';

test('the same text is asked about once, and whoever asks meanwhile hears the same', async () => {
  const state = asking();
  const answers = Promise.all([state.ask('a'), state.ask('a'), state.ask('a')]);
  await turn();
  expect(state.waiting.length).toBe(1);
  await state.settle({ active: true, sub: 'x' });
  expect(await answers).toEqual(Array.from({ length: 3 }, () => ({ active: true, sub: 'x' })));
});

test('more than 32 texts at once are refused, and none of them waits', async () => {
  const state = asking();
  const asked = Array.from({ length: 32 }, (_, index) => state.ask(`${index}`));
  await turn();
  expect(await state.ask('one more')).toBe(NOT_ASKED);
  for (let index = 0; index < 32; index += 1) await state.settle({ active: true });
  expect(await Promise.all(asked)).toEqual(Array.from({ length: 32 }, () => ({ active: true })));
  expect(state.events.filter((event) => event === 'refused').length).toBe(1);
});

test('a text that is not active is asked about again after a second', async () => {
  const state = asking();
  const first = state.ask('a');
  await turn();
  await state.settle({ active: false });
  expect(await first).toBeUndefined();
  state.now = 999;
  expect(await state.ask('a')).toBeUndefined();
  state.now = 1000;
  const again = state.ask('a');
  await turn();
  await state.settle({ active: true });
  expect(await again).toEqual({ active: true });
});

test('after five failures it is left alone for five seconds; then one question tries it', async () => {
  const state = asking();
  const failing = async (text: string) => {
    const asked = state.ask(text);
    await turn();
    await state.settle(new Error('500'));
    return asked;
  };
  for (let index = 0; index < 5; index += 1) expect(await failing(`${index}`)).toBe(FAILED);
  expect(state.events.at(-1)).toBe('opened');
  state.now = 4999;
  expect(await state.ask('a')).toBe(NOT_ASKED);
  state.now = 5000;
  const trial = state.ask('a');
  await turn();
  expect(await state.ask('b')).toBe(NOT_ASKED);
  await state.settle(new Error('500'));
  expect(await trial).toBe(FAILED);
  state.now = 9999;
  expect(await state.ask('a')).toBe(NOT_ASKED);
  state.now = 10_000;
  const second = state.ask('a');
  await turn();
  await state.settle({ active: true });
  expect(await second).toEqual({ active: true });
  // And all are asked again.
  const both = Promise.all([state.ask('b'), state.ask('c')]);
  await turn();
  expect(state.waiting.length).toBe(2);
  await state.settle({ active: true });
  await state.settle({ active: true });
  await both;
});

test('what was found with other terms is not of these', async () => {
  const state = asking();
  const first = state.ask('a');
  await turn();
  await state.settle({ active: false });
  await first;
  const changed = state.ask('a', { ...issuer, version: 2 });
  await turn();
  await state.settle({ active: true });
  expect(await changed).toEqual({ active: true });
});

test('an answer that does not say whether the token is active is no answer', async () => {
  const state = asking();
  for (const answer of [{}, { active: 'true' }, { active: 1 }]) {
    const asked = state.ask(JSON.stringify(answer));
    await turn();
    await state.settle(answer);
    expect(await asked).toBe(FAILED);
  }
});
