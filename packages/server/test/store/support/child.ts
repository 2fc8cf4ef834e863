/** Scripts of this folder as processes of their own, to be raced and killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Child {
  /** What it printed so far, line by line. */
  readonly lines: readonly string[];
  /** Waits for so many lines; throws where the process ends before. */
  printed(count: number): Promise<void>;
  /** Ends it without a chance to tidy up. */
  kill(): Promise<void>;
  /** Waits for its end; what it wrote to stderr, where it failed. */
  ended(): Promise<{ readonly code: number | null; readonly errors: string }>;
}

export function startChild(script: string, args: readonly string[]): Child {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const reader = createInterface(child.stdout);
  reader.on('line', (line) => lines.push(line));
  const closed = Promise.all([once(child, 'close'), once(reader, 'close')]);
  return {
    lines,
    printed: async (count) => {
      while (lines.length < count) {
        await Promise.race([once(reader, 'line'), closed]);
        if (hasEnded(child) && lines.length < count) throw new Error(`${script} ended early: ${errors}`);
      }
    },
    kill: async () => {
      child.kill('SIGKILL');
      await closed;
    },
    ended: async () => {
      await closed;
      return { code: child.exitCode, errors };
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
