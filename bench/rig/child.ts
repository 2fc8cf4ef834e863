/** Programs in processes of their own, as servers and their callers are; they end with the run, however it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Core, commandOn } from './machine.ts';

export interface ProgramOptions {
  readonly core: Core;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** File for standard error; without it the one of this process. */
  readonly log?: string;
}

export interface ChildOptions extends ProgramOptions {
  readonly nodeOptions?: readonly string[];
}

export interface Program {
  readonly pid: number;
  /** The first group of the first match in what the program printed, as soon as there is one. */
  printed(pattern: RegExp): Promise<string>;
  /** Rejects when the program has ended; never resolves. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
}

export interface Child extends Program {
  /** The next message of the program. Rejects where it ends without one. */
  message(): Promise<unknown>;
  send(message: object): void;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** @param program path of the file, as `new URL('./x.ts', import.meta.url)` gives it */
export function startChild(program: URL, { nodeOptions = [], args = [], ...options }: ChildOptions): Child {
  const [child, running] = begin(process.execPath, [...nodeOptions, fileURLToPath(program), ...args], options, 'ipc');
  return {
    ...running,
    message: () => Promise.race([once(child, 'message').then(([message]: unknown[]) => message), running.ended]),
    send: (message) => void child.send(message),
  };
}

/** A program of the system. It must stay in the foreground. */
export function startProgram(command: string, { args = [], ...options }: ProgramOptions): Program {
  return begin(command, args, options, 'ignore')[1];
}

function begin(
  command: string,
  args: readonly string[],
  options: Omit<ProgramOptions, 'args'>,
  channel: 'ipc' | 'ignore',
): readonly [ChildProcess, Program] {
  const [first, ...before] = commandOn(options.core, command);
  const log = options.log === undefined ? undefined : openSync(options.log, 'a');
  const child = spawn(first, [...before, ...args], {
    cwd: options.cwd,
    // Nothing of the caller's own configuration may change what is measured.
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', log ?? 'inherit', channel],
  });
  if (log !== undefined) closeSync(log);
  running.add(child);
  const exited = once(child, 'exit').then(() => running.delete(child));
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const failed = (): never => {
    const where = options.log === undefined ? '' : `; see ${options.log}`;
    throw new Error(`${[command, ...args].join(' ')} ended early${where}`);
  };
  const ended = exited.then(failed);
  // Who waits for something else of the program hears of it; whoever does not, stops it or has no more use for it.
  ended.catch(() => {});
  const program = {
    pid: child.pid ?? 0,
    ended,
    async printed(pattern: RegExp) {
      for (;;) {
        const found = pattern.exec(output);
        if (found !== null) return found[1] ?? '';
        if (child.stdout === null) return failed();
        await Promise.race([once(child.stdout, 'data'), ended]);
      }
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
  return [child, program];
}
