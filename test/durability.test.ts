/** kill -9 at random while eight clients work: what was acknowledged is there afterwards, and what was revoked stays so. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { type Answer, type Caller, caller, type Minted, together } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';

/** Eight in CI; `TESSERA_KILL_CYCLES=200` is the long form. */
const CYCLES = Number(process.env.TESSERA_KILL_CYCLES ?? 8);
const CLIENTS = 8;
const LONGEST_LIFE_MS = 400;
const BATCH = 100;
const COUNTED = 3;
const MINUTES = 60_000;
/** The second in which counts are in memory alone, and what a busy machine may take to write them. */
const WRITTEN_MS = 1000 + 5000;

/** What the clients were told, and what they asked and heard no answer to. */
interface Known {
  readonly id: string;
  secret: string;
  state: 'active' | 'revoking' | 'revoked';
}
interface Ledger {
  readonly tokens: Known[];
  readonly keys: { key: string; name: string; id: string; secret: string }[];
  readonly unansweredMints: { key: string; name: string }[];
  readonly unansweredRotations: { key: string; token: Known }[];
  readonly counts: { minted: number; revoked: number; rotated: number; unanswered: number; kills: number };
}

afterAll(endServers);

describe('a server that is killed', () => {
  it(`loses nothing that it acknowledged, ${CYCLES} times`, { timeout: 2 * MINUTES + CYCLES * 15_000 }, async () => {
    const ledger: Ledger = {
      tokens: [],
      keys: [],
      unansweredMints: [],
      unansweredRotations: [],
      counts: { minted: 0, revoked: 0, rotated: 0, unanswered: 0, kills: 0 },
    };
    let server = await startServer();
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      const known = ledger.tokens.length;
      await workUntilKilled(server, ledger);
      server = await startServer({ data: server.data, rootToken: server.rootToken });
      const root = caller(server, server.rootToken);
      await resolveUnanswered(root, ledger);
      // What this cycle touched, and some of what earlier ones did.
      const start = Math.max(0, known - BATCH);
      await checkTokens(root, [...ledger.tokens.slice(start), ...ledger.tokens.slice(0, start).filter(oneInTen)]);
      const [kept] = ledger.keys.slice(-1);
      if (kept !== undefined) await expectSameAnswer(root, kept);
    }
    const root = caller(server, server.rootToken);
    await checkTokens(root, ledger.tokens);
    expect((await root.do('audit.verify')).ok).toBe(true);
    const recorded = await targetsOf(root, 'token.create');
    expect(ledger.tokens.filter(({ id }) => !recorded.has(id))).toEqual([]);
    console.log(`kill -9: ${JSON.stringify(ledger.counts)}, 0 lost, 0 came back`);
    expect(ledger.counts.kills).toBe(CYCLES);
    expect(ledger.counts.minted).toBeGreaterThan(CYCLES);
    expect(ledger.counts.revoked).toBeGreaterThan(0);
    expect(ledger.counts.rotated).toBeGreaterThan(0);
  });

  it('loses of what it counted no more than the last second', { timeout: STARTS_MS }, async () => {
    const first = await startServer();
    const root = caller(first, first.rootToken);
    const { id, token } = await root.mint();
    const database = new DatabaseSync(join(first.data, 'tessera.db'), { readOnly: true, timeout: 10_000 });
    const sum = database.prepare('select coalesce(sum(allowed), 0) as allowed from usage where token = ?');
    for (let count = 1; count <= COUNTED; count += 1) {
      expect((await root.verify(token)).code).toBe('ok');
      // In the file, where the server is not asked anything: it would be there after a crash of now.
      await until(
        async () => sum.get(id)?.allowed,
        (written) => written === count,
        WRITTEN_MS,
      );
    }
    database.close();
    const last = await together(COUNTED, () => root.verify(token));
    await first.kill();
    const second = await startServer({ data: first.data, rootToken: first.rootToken });
    const { allowed } = await caller(second, second.rootToken).do('tokens.usage', { id });
    expect(allowed).toBeGreaterThanOrEqual(COUNTED);
    expect(allowed).toBeLessThanOrEqual(COUNTED + last.length);
  });

  it('gives a retry the id and secret that it committed and could not tell', { timeout: STARTS_MS }, async () => {
    const first = await startServer();
    const keys = Array.from({ length: 24 }, (_, index) => `key-${index}`);
    const asked = (key: string) => ({ body: { name: key, scopes: [] }, headers: { 'Idempotency-Key': key } });
    const answered = new Map<string, Answer>();
    const sending = keys.map(async (key) => {
      const answer = await caller(first, first.rootToken).ask('tokens.create', asked(key));
      answered.set(key, answer);
      // The first answer is the signal: what is committed with it is told to nobody.
      first.signal('SIGKILL');
    });
    await Promise.allSettled(sending);
    await first.exited;
    expect(answered.size).toBeGreaterThan(0);
    const second = await startServer({ data: first.data, rootToken: first.rootToken });
    const root = caller(second, second.rootToken);
    const retried = await Promise.all(keys.map((key) => root.ask('tokens.create', asked(key))));
    for (const [index, key] of keys.entries()) {
      const retry = retried[index];
      expect(retry?.status).toBe(201);
      const before = answered.get(key);
      if (before !== undefined) expect(retry?.text).toBe(before.text);
      expect((await root.verify(String(retry?.body.token))).code).toBe('ok');
      expect((await root.ask('tokens.create', asked(key))).text).toBe(retry?.text);
    }
    const { items } = await root.do('tokens.list', { query: { api: 'default', limit: 100 } });
    expect(items.map(({ name }) => name).sort()).toEqual([...keys].sort());
  });
});

/** Eight clients mint, revoke and rotate until the process is gone. */
async function workUntilKilled(server: Server, ledger: Ledger): Promise<void> {
  const root = caller(server, server.rootToken);
  const gone = { yet: false };
  const work = Array.from({ length: CLIENTS }, async () => {
    while (!gone.yet) await step(root, ledger);
  });
  const before = ledger.counts.minted;
  await until(
    async () => ledger.counts.minted,
    (minted) => minted > before,
  );
  // At random is the point: the moment must not follow from what the server does.
  await delay(Math.random() * LONGEST_LIFE_MS);
  // Each ends with what it asks just now: nobody asks a port that may be somebody else's by then.
  gone.yet = true;
  await server.kill('SIGKILL');
  ledger.counts.kills += 1;
  await Promise.all(work);
}

async function step(root: Caller, ledger: Ledger): Promise<void> {
  const choice = Math.random();
  const index = Math.floor(Math.random() * ledger.tokens.length);
  const token = ledger.tokens[index];
  if (choice < 0.6 || token === undefined || token.state !== 'active') return mint(root, ledger);
  if (choice < 0.8) return revoke(root, ledger, token);
  return rotate(root, ledger, token);
}

async function mint(root: Caller, ledger: Ledger): Promise<void> {
  const key = randomUUID();
  const asked = { key, name: `minted ${key}` };
  const minted = await unlessKilled(() => askToMint(root, asked));
  if (minted === undefined) {
    ledger.unansweredMints.push(asked);
    ledger.counts.unanswered += 1;
    return;
  }
  remember(ledger, asked, minted);
}

async function revoke(root: Caller, ledger: Ledger, token: Known): Promise<void> {
  token.state = 'revoking';
  const revoked = await unlessKilled(() => root.do('tokens.revoke', { id: token.id }));
  if (revoked === undefined) {
    ledger.counts.unanswered += 1;
    return;
  }
  token.state = 'revoked';
  ledger.counts.revoked += 1;
}

async function rotate(root: Caller, ledger: Ledger, token: Known): Promise<void> {
  const key = randomUUID();
  // Nobody else touches it meanwhile: which secret is the last would not be known.
  token.state = 'revoking';
  const rotated = await unlessKilled(() => askToRotate(root, { key, token }));
  if (rotated === undefined) {
    ledger.unansweredRotations.push({ key, token });
    ledger.counts.unanswered += 1;
    return;
  }
  token.secret = rotated.token;
  token.state = 'active';
  ledger.counts.rotated += 1;
}

/** A retry settles what was asked: done once, whether it had been done before or not. */
async function resolveUnanswered(root: Caller, ledger: Ledger): Promise<void> {
  for (const asked of ledger.unansweredMints.splice(0)) {
    const minted = await askToMint(root, asked);
    expect((await askToMint(root, asked)).id).toBe(minted.id);
    const { items } = await root.do('tokens.list', { query: { q: asked.name } });
    expect(items.map(({ id }) => id)).toEqual([minted.id]);
    remember(ledger, asked, minted);
  }
  for (const { key, token } of ledger.unansweredRotations.splice(0)) {
    const rotated = await askToRotate(root, { key, token });
    expect(rotated.id).toBe(token.id);
    expect((await askToRotate(root, { key, token })).token).toBe(rotated.token);
    token.secret = rotated.token;
    token.state = 'active';
  }
}

async function checkTokens(root: Caller, tokens: readonly Known[]): Promise<void> {
  for (let from = 0; from < tokens.length; from += BATCH) {
    const part = tokens.slice(from, from + BATCH);
    const items = part.map(({ secret }) => ({ token: secret }));
    const answer = await root.do('verify.batch', { body: { items } });
    for (const [index, { id, state }] of part.entries()) {
      const verdict = answer.items[index];
      expect(verdict?.id).toBe(id);
      // A revocation that was not answered may have happened or not; later it must stay what it is.
      if (state === 'revoking') expect(['ok', 'revoked']).toContain(verdict?.code);
      else expect(verdict?.code).toBe(state === 'revoked' ? 'revoked' : 'ok');
      const token = part[index];
      if (token?.state === 'revoking') token.state = verdict?.code === 'revoked' ? 'revoked' : 'active';
    }
  }
}

/** Ids of everything that the audit log says this was done to. */
async function targetsOf(root: Caller, action: string): Promise<Set<string>> {
  const found = new Set<string>();
  for (let after = 0; ; ) {
    const { items } = await root.do('audit.list', { query: { action, after, limit: 1000 } });
    for (const { target } of items) found.add(target?.id ?? '');
    const last = items.at(-1);
    if (last === undefined) return found;
    after = last.seq;
  }
}

async function expectSameAnswer(root: Caller, kept: Ledger['keys'][number]): Promise<void> {
  const again = await askToMint(root, kept);
  expect([again.id, again.token]).toEqual([kept.id, kept.secret]);
}

function remember(ledger: Ledger, { key, name }: { key: string; name: string }, minted: Minted): void {
  ledger.tokens.push({ id: minted.id, secret: minted.token, state: 'active' });
  ledger.keys.push({ key, name, id: minted.id, secret: minted.token });
  ledger.counts.minted += 1;
}

function askToMint(root: Caller, { key, name }: { key: string; name: string }): Promise<Minted> {
  return root.do('tokens.create', { body: { name, scopes: [] }, headers: { 'Idempotency-Key': key } });
}

function askToRotate(root: Caller, { key, token }: { key: string; token: Known }): Promise<Minted> {
  const headers = { 'Idempotency-Key': key };
  return root.do('tokens.rotate', { id: token.id, body: { graceSeconds: 0 }, headers });
}

/** Undefined where the connection broke; an answer that is a refusal is a failure of the test. */
async function unlessKilled<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function oneInTen(): boolean {
  return Math.random() < 0.1;
}
