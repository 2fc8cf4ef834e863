/** Starts real servers for black-box tests: each a process of its own, with a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate } from '@tessera/token';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Server {
  /** Origin of the platform listener. */
  readonly url: string;
  /** Origin of the gateway listener. */
  readonly gateway: string;
  readonly rootToken: string;
  readonly data: string;
  /** Everything printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves with the match when what is printed on either stream first matches, also where it has already. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends the signal, and resolves when the process is gone. Default SIGKILL. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** Sends the signal, and does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the process is gone, for whatever reason. */
  readonly exited: Promise<Exit>;
  /** As an operator stops it: SIGTERM, then its exit. */
  stop(): Promise<Exit>;
}

export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A folder of an earlier server, to start on what it left. */
  readonly data?: string;
  /** Default: a new one; `null`: the server makes its own and prints it. */
  readonly rootToken?: string | null;
  /** Text of the configuration file. */
  readonly config?: string;
}

const MAIN = fileURLToPath(new URL('../../packages/server/bin/tessera-server.js', import.meta.url));
/** Two cores, other suites beside, and nothing compiled yet: a start that takes longer than this hangs. */
const START_MS = 60_000;
/** For tests that start several servers, one after the other. */
export const STARTS_MS = 2 * START_MS;

const running = new Set<ChildProcess>();
const folders = new Set<string>();
// Also where a test ends in the middle, no process stays behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A new folder that `endServers` removes. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-test-'));
  folders.add(folder);
  return folder;
}

/** Resolves when the server says where it listens; rejects with what it printed where it ends instead. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const data = options.data ?? temporaryFolder();
  const rootToken = options.rootToken === undefined ? newRootToken() : options.rootToken;
  const running = run(['start'], {
    TESSERA_PORT: '0',
    TESSERA_GATEWAY_PORT: '0',
    TESSERA_DATA: data,
    ...(rootToken === null ? {} : { TESSERA_ROOT_TOKEN: rootToken }),
    ...(options.config === undefined ? {} : { TESSERA_CONFIG: writeConfig(data, options.config) }),
    ...options.env,
  });
  const { child, exited, stdout, stderr, printed } = running;
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  const [, url = '', gateway = ''] = await printed(/platform +(http:\S+).*\n +gateway +(http:\S+)[\s\S]*\n +data /);
  clearTimeout(timer);
  const kill = (signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  return {
    url,
    gateway,
    rootToken: rootToken ?? (await printed(/shown this once:\n +(\S+)/))[1] ?? '',
    data,
    stdout,
    stderr,
    printed,
    kill,
    signal: (signal) => void child.kill(signal),
    exited,
    stop: () => kill('SIGTERM'),
  };
}

/** Runs the server program to its end. */
export async function runToEnd(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const { child, exited, stdout, stderr } = run(args, env);
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  const { code } = await exited;
  clearTimeout(timer);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** Starts the server program and kills it after so many milliseconds, wherever it is by then. */
export async function startAndKill(env: Readonly<Record<string, string>>, afterMs: number): Promise<void> {
  const { child, exited } = run(['start'], env);
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  await exited;
  clearTimeout(timer);
}

/** Ends every process and removes every folder of this file's tests: for `afterAll`. */
export async function endServers(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const gone = once(child, 'close');
      child.kill('SIGKILL');
      return gone;
    }),
  );
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

export function newRootToken(): string {
  return generate({ prefix: 'tsm', environment: 'live' });
}

export function writeConfig(folder: string, text: string): string {
  const path = join(folder, 'tessera.yaml');
  writeFileSync(path, text);
  return path;
}

interface Run {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  printed(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Nothing of our own environment is passed on that could configure the server. */
function run(args: readonly string[], env: Readonly<Record<string, string>>): Run {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, ...env },
    // Not the checkout, whose configuration file it would read.
    cwd: temporaryFolder(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    // `close`, not `exit`: what it printed last is here then.
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const look of waiting) look();
    });
  }
  const printed = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): boolean => {
        const found = pattern.exec(output.stdout) ?? pattern.exec(output.stderr);
        if (found === null) return false;
        waiting.delete(look);
        resolve(found);
        return true;
      };
      if (look()) return;
      waiting.add(look);
      exited
        .then(({ code }) =>
          reject(new Error(`exit ${code} before ${pattern} was printed:\n${output.stdout}${output.stderr}`)),
        )
        .catch(reject);
    });
  return { child, exited, stdout: () => output.stdout, stderr: () => output.stderr, printed };
}
