/** Programs in processes of their own, as servers and their callers are; they end with the run, however it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Core, nodeOn } from './machine.ts';

export interface ChildOptions {
  readonly core: Core;
  readonly args?: readonly string[];
  readonly nodeOptions?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** File for standard error; without it the one of this process. */
  readonly log?: string;
}

export interface Child {
  readonly pid: number;
  /** The next message of the program. Rejects where it ends without one. */
  message(): Promise<unknown>;
  send(message: object): void;
  /** The first group of the first match in what the program printed, as soon as there is one. */
  printed(pattern: RegExp): Promise<string>;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** @param program path of the file, as `new URL('./x.ts', import.meta.url)` gives it */
export function startChild(program: URL, options: ChildOptions): Child {
  const [command, ...before] = nodeOn(options.core);
  const args = [...before, ...(options.nodeOptions ?? []), fileURLToPath(program), ...(options.args ?? [])];
  const log = options.log === undefined ? undefined : openSync(options.log, 'a');
  const child = spawn(command, args, {
    cwd: options.cwd,
    // Nothing of the caller's own configuration may change what is measured.
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', log ?? 'inherit', 'ipc'],
  });
  if (log !== undefined) closeSync(log);
  running.add(child);
  const ended = once(child, 'exit').then(() => running.delete(child));
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const failed = (): never => {
    throw new Error(`${program.pathname} ended early${options.log === undefined ? '' : `; see ${options.log}`}`);
  };
  return {
    pid: child.pid ?? 0,
    message: () => Promise.race([once(child, 'message').then(([message]: unknown[]) => message), ended.then(failed)]),
    send: (message) => void child.send(message),
    async printed(pattern) {
      for (;;) {
        const found = pattern.exec(output);
        if (found !== null) return found[1] ?? '';
        if (child.stdout === null) return failed();
        await Promise.race([once(child.stdout, 'data'), ended.then(failed)]);
      }
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
