/** What a verifier counts is counted once: whatever of its answers is lost, and whichever side is killed. */
import { createVerifier, type RemoteVerifier } from '@tessera/verify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startVerifier, type Verifier } from './everywhere/verifier.ts';
import { type Caller, caller, type Minted } from './support/call.ts';
import { freePort } from './support/free-port.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';
import { codeOf } from './support/verifier.ts';

const LOST_ANSWERS = 5;
/** Of a few seconds, on a busy machine. */
const SOON_MS = STARTS_MS / 2;

let server: Server;
let port: string;
let admin: Caller;
beforeAll(async () => {
  port = String(await freePort());
  server = await startServer({ env: { TESSERA_PORT: port } });
  admin = caller(server, server.rootToken);
}, STARTS_MS);
afterAll(endServers);

async function countedOf({ id }: Minted): Promise<{ readonly allowed: number; readonly denied: number }> {
  const { allowed, denied } = await admin.do('tokens.usage', { id });
  return { allowed, denied };
}

/** A verifier, each of whose batches is given to `sent` with what sends it. */
async function verifierWhose(sent: (send: () => Promise<Response>) => Promise<Response>): Promise<RemoteVerifier> {
  const { token } = await admin.mint({ api: 'tessera', scopes: ['verify'] });
  const verifier = createVerifier({
    url: server.url,
    token,
    audience: 'default',
    onEvent: () => undefined,
    fetch: (input, init) => {
      const send = () => fetch(input, init);
      return new URL(String(input)).pathname === '/v1/usage' ? sent(send) : send();
    },
  });
  await verifier.ready();
  return verifier;
}

function countedAs(token: Minted, expected: { readonly allowed: number; readonly denied: number }): Promise<unknown> {
  return until(
    () => countedOf(token),
    ({ allowed, denied }) => allowed === expected.allowed && denied === expected.denied,
  );
}

/** The same server again, at the same address. */
async function restart(): Promise<void> {
  const { data, rootToken } = server;
  server = await startServer({ data, rootToken, env: { TESSERA_PORT: port } });
}

it('whoever makes the verdict: the verifier, by itself or from a share, or the server for it', async () => {
  const verifier = await verifierWhose((send) => send());
  const limit = { limit: 3, window: 86_400 };
  const tokens = [
    [await admin.mint(), { allowed: 5, denied: 0 }],
    [await admin.mint({ limits: [limit] }), { allowed: 3, denied: 2 }],
    [await admin.mint({ limits: [{ ...limit, mode: 'approximate' }] }), { allowed: 3, denied: 2 }],
    [await admin.mint({ quota: { limit: 4, period: 'day' } }), { allowed: 4, denied: 1 }],
  ] as const;
  for (const [{ token }] of tokens) for (let time = 0; time < 5; time += 1) await codeOf(verifier, token);
  await verifier.close();
  // What the server counts by itself is written in turn: all of it is, once the last is.
  const last = await admin.mint();
  await admin.verify(last.token);
  await countedAs(last, { allowed: 1, denied: 0 });
  for (const [token, counted] of tokens) expect(await countedOf(token)).toEqual(counted);
});

it(
  'where the server counted it and its answers are lost, again and again, while more is counted',
  async () => {
    const token = await admin.mint();
    const elsewhere = await admin.mint({ ip: { allow: ['10.0.0.0/8'] } });
    let answers = 0;
    const verifier = await verifierWhose(async (send) => {
      const response = await send();
      const text = await response.text();
      answers += 1;
      if (answers <= LOST_ANSWERS) throw new TypeError('the connection broke');
      return new Response(text, { status: response.status });
    });
    let asked = 0;
    await until(
      async () => {
        expect(await codeOf(verifier, token.token)).toBe('ok');
        expect(await codeOf(verifier, elsewhere.token)).toBe('ip_denied');
        asked += 1;
        return answers;
      },
      (count) => count > LOST_ANSWERS,
      SOON_MS,
    );
    await verifier.close();
    expect(verifier.metrics()).toMatchObject({ usageWaiting: 0, usageLost: 0 });
    expect(await countedOf(token)).toEqual({ allowed: asked, denied: 0 });
    expect(await countedOf(elsewhere)).toEqual({ allowed: 0, denied: asked });
  },
  STARTS_MS,
);

it(
  'where the server is killed as soon as it has said that it counted',
  async () => {
    const token = await admin.mint();
    let isKilled = false;
    const isBack = Promise.withResolvers<void>();
    const verifier = await verifierWhose(async (send) => {
      const response = await send();
      if (response.ok && !isKilled) {
        isKilled = true;
        server.kill().then(restart).then(isBack.resolve, isBack.reject);
      }
      return response;
    });
    let allowed = 0;
    await until(
      async () => {
        // Where the machine is so busy that the server is away for longer than the bound, nothing is allowed, and nothing is counted.
        if ((await codeOf(verifier, token.token)) === 'ok') allowed += 1;
        return isKilled;
      },
      (killed) => killed,
      SOON_MS,
    );
    await isBack.promise;
    // What is left at the end is sent for as long as a call may take: the server is there again before that begins.
    await until(
      async () => verifier.metrics().usageWaiting,
      (waiting) => waiting === 0,
      SOON_MS,
    );
    await verifier.close();
    expect(verifier.metrics().usageLost).toBe(0);
    expect(await countedOf(token)).toEqual({ allowed, denied: 0 });
  },
  STARTS_MS,
);

it(
  'where the verifier is killed: what was told stays told, what was not is lost, and the next one goes on',
  async () => {
    const [early, late] = [await admin.mint(), await admin.mint()];
    const judging = { server: () => server };
    const ask = async ({ verdict }: Verifier, { token }: Minted, times: number): Promise<void> => {
      for (let time = 0; time < times; time += 1) expect((await verdict(token)).code).toBe('ok');
    };
    const killed = await startVerifier('killed', judging);
    await ask(killed, early, 20);
    await countedAs(early, { allowed: 20, denied: 0 });
    await ask(killed, early, 10);
    await killed.close();
    const next = await startVerifier('next', judging);
    await ask(next, late, 5);
    await countedAs(late, { allowed: 5, denied: 0 });
    const { allowed } = await countedOf(early);
    expect(allowed).toBeGreaterThanOrEqual(20);
    expect(allowed).toBeLessThanOrEqual(30);
    await next.close();
  },
  STARTS_MS,
);
