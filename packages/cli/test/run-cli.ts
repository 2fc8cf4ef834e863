/** Runs the real `tessera` command as a process of its own, in a home of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../bin/tessera.js', import.meta.url));
/** Compiled once for all the processes that the tests start. */
const compileCache = fileURLToPath(new URL('../../../node_modules/.cache/tessera-cli', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Cli extends AsyncDisposable {
  /** The home directory, which is also where the command runs. */
  readonly home: string;
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  /** Starts it and leaves it running. */
  readonly start: (args: readonly string[], options?: RunOptions) => ChildProcessWithoutNullStreams;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly stdin?: string | undefined;
}

/** `env` holds for every run. */
export async function makeCli(env: Readonly<Record<string, string>> = {}): Promise<Cli> {
  const home = await mkdtemp(join(tmpdir(), 'tessera-cli-'));
  const start: Cli['start'] = (args, options = {}) =>
    spawn(process.execPath, [main, ...args], {
      cwd: home,
      // Nothing of the environment of the tests reaches it, but where to find programs.
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compileCache, HOME: home, ...env, ...options.env },
    });
  return {
    home,
    start,
    run: async (args, options = {}) => {
      const child = start(args, options);
      // A command that does not read its input closes it under our hands.
      child.stdin.on('error', () => undefined);
      child.stdin.end(options.stdin ?? '');
      const [stdout, stderr, [code, signal]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
      ]);
      return { code, signal, stdout, stderr };
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}
