/** Programs of others that tests start as they are installed: found, run in the foreground, ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { temporaryFolder } from './server.ts';
import { until } from './until.ts';

/** Where Debian keeps servers, which is not on everybody's path. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin'];

/** The path of a program by its name, or of a file by its absolute path; undefined where there is none. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => (name.startsWith('/') ? name : join(folder, name))).find((path) => existsSync(path));
}

/** A suite that needs programs. Without them it is skipped and says so, but fails where `CI=true` promises them. */
export function describeWith(needed: readonly string[], name: string, suite: () => void): void {
  const missing = needed.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) {
    describe(name, suite);
    return;
  }
  const reason = `needs ${missing.join(', ')}`;
  process.stdout.write(`skipped: ${reason} (${name})\n`);
  it(`${name}: skipped: ${reason}`, (context) => {
    if (process.env.CI === 'true') throw new Error(reason);
    context.skip(reason);
  });
}

export interface Program {
  /** Everything printed so far, on both streams. */
  output(): string;
  /** As an operator stops it; resolves when the process is gone. */
  stop(): Promise<void>;
}

export interface ProgramOptions {
  readonly args: readonly string[];
  /** The working folder, and the home of what it writes. */
  readonly folder: string;
  /** Resolves with the program when this port accepts. */
  readonly port: number;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  // Not SIGKILL: a master would leave its workers behind.
  for (const child of running) child.kill('SIGTERM');
});

/** Ends every program of this file's tests, also where their setup failed half-way: for `afterAll`. */
export async function endPrograms(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const gone = once(child, 'close');
      child.kill('SIGTERM');
      return gone;
    }),
  );
}

/** Resolves when it accepts connections; rejects with what it printed where it ends instead. */
export async function startProgram(name: string, { args, folder, port }: ProgramOptions): Promise<Program> {
  const child = spawn(findProgram(name) ?? name, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const gone = once(child, 'close').finally(() => running.delete(child));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const ended = gone.then(() => {
    throw new Error(`${name} ended:\n${output}`);
  });
  ended.catch(() => {});
  await Promise.race([ended, until(() => accepts(port), Boolean, 20_000)]);
  return {
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

/**
 * A copy of a folder of `examples/` in a new temporary one, with its addresses replaced: the examples hold the ports that
 * a reader has, and a test needs free ones. Throws where a text to be replaced is nowhere in it.
 */
export function copyExample(name: string, replaced: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  // Started by root, servers become users of their own, who must be able to enter.
  chmodSync(folder, 0o755);
  cpSync(join(EXAMPLES, name), folder, { recursive: true });
  const files = readdirSync(folder).map((file) => join(folder, file));
  const used = new Set<string>();
  for (const file of files.filter((path) => statSync(path).isFile())) {
    let text = readFileSync(file, 'utf8');
    for (const [from, to] of Object.entries(replaced)) {
      if (text.includes(from)) used.add(from);
      text = text.replaceAll(from, to);
    }
    writeFileSync(file, text);
  }
  for (const from of Object.keys(replaced)) if (!used.has(from)) throw new Error(`${name} does not say ${from}`);
  return folder;
}

export function exampleText(path: string): string {
  return readFileSync(join(EXAMPLES, path), 'utf8');
}
