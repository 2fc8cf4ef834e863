/** A real redis-server for tests, and what can go wrong with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { freePort } from './free-port.ts';
import { findProgram } from './program.ts';

export interface TestRedis {
  readonly url: string;
  /** Asks it as an operator would. */
  command(...words: readonly string[]): Promise<unknown>;
  /** Stops it from doing anything, its connections open; and lets it go on. */
  freeze(): void;
  thaw(): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** On the same port again, with nothing of what it had. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const ATTEMPTS = 3;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One server a call, on a port of its own. `args` are words of its command line. */
export async function startRedis(...args: readonly string[]): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-redis-'));
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return await runOn(port, { folder, args });
    } catch (error) {
      // Another process may have taken the port in the meantime.
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** Asks it once, as whom the URL names. Rejects with what it says where it refuses. */
export async function askRedis(url: string, words: readonly string[]): Promise<unknown> {
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.sendCommand([...words]);
  } finally {
    client.destroy();
  }
}

interface Place {
  readonly folder: string;
  readonly args: readonly string[];
}

async function runOn(port: number, { folder, args }: Place): Promise<TestRedis> {
  let child = await launch(port, { folder, args });
  const url = `redis://127.0.0.1:${port}`;
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'close');
    child.kill('SIGKILL');
    await gone;
  };
  return {
    url,
    command: (...words) => askRedis(url, words),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill,
    async start() {
      child = await launch(port, { folder, args });
    },
    async close() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when it accepts connections; rejects with what it printed where it ends instead. */
async function launch(port: number, { folder, args }: Place): Promise<ChildProcess> {
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn(findProgram('redis-server') ?? 'redis-server', [...words, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`redis-server ended:\n${printed}`)));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (/Ready to accept connections/.test(printed)) resolve();
    });
  });
  return child;
}
