/** A service that is paused across a revocation, and goes on, does not allow once what it could not know to be so. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { now } from './everywhere/history.ts';
import { newWorkspace, type Workspace } from './support/call.ts';
import type { Judged, JudgingOrder } from './support/judging-process.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

const PROGRAM = fileURLToPath(new URL('./support/judging-process.ts', import.meta.url));
const STALENESS_MS = 2000;
const children = new Set<ChildProcess>();

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await endServers();
});

interface Judging {
  /** The first verdict that it tells of, of those asked for after now. */
  readonly next: () => Promise<Judged>;
  readonly pause: () => void;
  /** Goes on, and tells of the first verdict that was asked for thereafter. */
  readonly resume: () => Promise<Judged>;
  /** All that it tells from here on, up to the first verdict that was asked for after the feed had ended. */
  readonly untilLost: () => Promise<readonly Judged[]>;
}

async function judging(
  { url }: Server,
  { scoped }: Workspace,
  what: Pick<JudgingOrder, 'judged' | 'rests'>,
): Promise<Judging> {
  const order: JudgingOrder = { ...what, url, token: (await scoped('verify')).token, stalenessMs: STALENESS_MS };
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.add(child);
  const told: Judged[] = [];
  child.on('message', (judged: Judged) => told.push(judged));
  child.send(order);
  const oldest = async (): Promise<Judged> => {
    for (;;) {
      const judged = told.shift();
      if (judged !== undefined) return judged;
      await once(child, 'message');
    }
  };
  const next = async (): Promise<Judged> => {
    const since = now();
    for (;;) {
      const judged = await oldest();
      if (judged.askedAt >= since) return judged;
    }
  };
  return {
    next,
    pause: () => void child.kill('SIGSTOP'),
    resume() {
      const first = next();
      child.kill('SIGCONT');
      return first;
    },
    async untilLost() {
      const all: Judged[] = [];
      do all.push(await oldest());
      while (all.at(-1)?.isLost !== true);
      return all;
    },
  };
}

it(
  'the first verdict after the pause is already not made from memory',
  async () => {
    const server = await startServer();
    const workspace = await newWorkspace(server);
    const { token, id } = await workspace.admin.mint();
    const { next, pause, resume } = await judging(server, workspace, { judged: token, rests: 'never' });
    expect(await next()).toMatchObject({ code: 'ok' });

    // A pause without a revocation: it is allowed, but only after the server was asked.
    pause();
    await delay(STALENESS_MS + 1500);
    const paused = await resume();
    expect(paused).toMatchObject({ code: 'ok', atOnce: false });
    expect(paused.pausedMs).toBeGreaterThan(STALENESS_MS);
    expect(paused.lagSeconds * 1000).toBeGreaterThan(STALENESS_MS);

    pause();
    await workspace.admin.do('tokens.revoke', { id });
    await delay(STALENESS_MS + 1500);
    expect(await resume()).toMatchObject({ code: 'revoked', atOnce: false });
  },
  STARTS_MS,
);

it(
  'where the server cannot be asked after the pause, the beats that waited in the buffers of the system allow nothing',
  async () => {
    const server = await startServer();
    const workspace = await newWorkspace(server);
    const { token } = await workspace.admin.mint();
    const { next, pause, resume, untilLost } = await judging(server, workspace, { judged: token, rests: 'always' });
    expect(await next()).toMatchObject({ code: 'ok' });
    pause();
    // Beats go on for a while, unread; then the server is gone, and what they said is older than the bound.
    await delay(2000);
    await server.kill();
    await delay(STALENESS_MS + 1000);
    const first = await resume();
    expect(first).toMatchObject({ code: 'fault' });
    // Nor once they were read, up to the end of the stream that brought them.
    const later = first.isLost ? [] : await untilLost();
    expect(later.filter(({ code }) => code !== 'fault')).toEqual([]);
  },
  STARTS_MS,
);
