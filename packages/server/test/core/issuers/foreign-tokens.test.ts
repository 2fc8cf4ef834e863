/** What is known of a token of another issuer is believed for a minute, and no longer than the change feed and its key permit. */
import { digestKey, requirement, type TokenFacts } from '@tessera/verify';
import { type KeySet, keySet } from '@tessera/verify/jose';
import { expect, onTestFinished, test } from 'vitest';
import { newIssuerKey, signed } from '../../../../../test/support/issuer.ts';
import { createFeed } from '../../../src/core/feed.ts';
import { foreignTokens } from '../../../src/core/issuers/foreign-tokens.ts';
import { createIssuer, revokeForeign } from '../../../src/core/issuers/issuers.ts';
import { trustedIssuers } from '../../../src/core/issuers/trusted-issuers.ts';
import type { Reader } from '../../../src/core/store-port.ts';
import { aPlatform } from '../support/platform.ts';

const ISSUER = 'https://issuer.test';
const key = newIssuerKey();

async function aJudge() {
  const platform = await aPlatform();
  const { store, workspace, root, as, usual, clock } = platform;
  const time = { monotonic: 0 };
  const feed = createFeed({ store, monotonic: () => time.monotonic, boundMs: 5000, onError: () => {} });
  await feed.start();
  onTestFinished(() => feed.stop());
  const state = { keys: keySet({ keys: [key.jwk] }) as KeySet | undefined, reads: 0, finds: 0 };
  /** Called before each read of an owner, with what is read. */
  let onRead = async (): Promise<void> => undefined;
  const reader: Pick<Reader, 'workspace' | 'owner' | 'ownersByMetadata' | 'rolesByIds' | 'foreignRevocations'> = {
    ...store,
    async workspace(id) {
      state.reads += 1;
      const found = await store.workspace(id);
      await onRead();
      return found;
    },
  };
  const issuer = await as(root, (tx, call) =>
    createIssuer(tx, call, {
      input: {
        api: usual.id,
        issuer: ISSUER,
        audience: 'us',
        method: { discovery: true },
        scopes: [{ scopes: ['a'] }],
      },
      sealing: { seal: (_place, plain) => plain },
    }),
  );
  const judge = foreignTokens({
    trusted: trustedIssuers({ store, feed }),
    reader,
    keys: {
      of: () => ({
        find(kid) {
          state.finds += 1;
          return state.keys?.get(kid);
        },
      }),
    },
    introspection: { ask: async () => undefined },
    feed,
    maxTokens: 10,
    introspectedMs: 5000,
    onRefused: () => undefined,
  });
  const now = Math.floor(clock.now() / 1000);
  const claims = { iss: ISSUER, sub: 's', aud: 'us', jti: 'j', iat: now, exp: now + 600 };
  const text = signed({ alg: key.alg, typ: 'at+jwt', kid: key.kid }, claims, key);
  const find = (audience?: string, of: string | undefined = workspace) =>
    judge.signed.find(text, {
      digest: digestKey(text),
      requirement: requirement({ workspace: of, audience }),
      now: clock.now(),
    });
  return {
    ...platform,
    time,
    state,
    issuer,
    find,
    duringRead(work: () => Promise<void>) {
      onRead = work;
    },
    revoke: () => as(root, (tx, call) => revokeForeign(tx, call, { id: issuer.id, input: { jti: 'j' } })),
  };
}

test('it is kept, and its signature is verified again after a minute: a key that is withdrawn counts no more', async () => {
  const { find, clock, state } = await aJudge();
  const facts = await find();
  expect(facts).toMatchObject({ kind: 'access_token', scopes: ['a'], foreign: { issuer: ISSUER, subject: 's' } });
  expect(find()).toBe(facts);
  state.keys = undefined;
  clock.move(59_999);
  expect(find()).toBe(facts);
  clock.move(1);
  expect(await find()).toBe('signature_invalid');
  // Nor is it known how old what is kept is, once the clock was set back.
  clock.move(-60_001);
  expect(await find()).toBe('signature_invalid');
  expect(state.finds).toBe(3);
});

test('it is found anew for another api or workspace', async () => {
  const { find } = await aJudge();
  const facts = await find();
  expect(find('default')).toBeInstanceOf(Promise);
  expect(await find('default')).toEqual(facts);
  expect(await find(undefined, 'ws_other')).toBe('signature_invalid');
  expect(await find(undefined, '')).toBe('signature_invalid');
});

test('what is revoked is forgotten with the change, before whoever revoked it hears that it is done', async () => {
  const { find, revoke } = await aJudge();
  expect(await find()).toHaveProperty('revokedAt', undefined);
  await revoke();
  expect(((await find()) as TokenFacts).revokedAt).toBeTypeOf('number');
});

test('what changes while it is read is not kept', async () => {
  const { find, duringRead, revoke, state } = await aJudge();
  let done = false;
  duringRead(async () => {
    if (!done) {
      done = true;
      await revoke();
    }
  });
  await find();
  const before = state.reads;
  expect(((await find()) as TokenFacts).revokedAt).toBeTypeOf('number');
  expect(state.reads).toBe(before + 1);
});

test('without news of the store nothing in memory is believed', async () => {
  const { find, time, state } = await aJudge();
  await find();
  time.monotonic = 5001;
  const before = state.reads;
  await find();
  expect(state.reads).toBe(before + 1);
});
