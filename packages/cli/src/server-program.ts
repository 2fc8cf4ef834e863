/** Runs the server program as a process of its own: the command line loads nothing of it. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { CommandError } from './command-error.ts';
import type { Context } from './invocation.ts';

/** Meant for this command: the server has no use for a management token in its environment. */
const OURS = ['TESSERA_URL', 'TESSERA_TOKEN', 'TESSERA_TOKEN_FILE', 'TESSERA_WORKSPACE'];
const MAIN = '@tessera/server/main';

/** Everything typed from `word` on is passed on as it is. Ends with the exit code of the program. */
export async function runServerProgram({ edge, end }: Context, word: 'start' | 'config'): Promise<void> {
  const args = edge.argv.slice(edge.argv.indexOf(word));
  // A process group of its own: else a Ctrl-C would reach it twice, from the terminal and from here, and the second ends it at once.
  const child = spawn(edge.execPath, [findMain(), ...args], {
    stdio: 'inherit',
    env: Object.fromEntries(Object.entries(edge.env).filter(([name]) => !OURS.includes(name))),
    detached: edge.platform !== 'win32',
  });
  const release = edge.takeSignals((signal) => child.kill(signal));
  try {
    end(
      await new Promise<number>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128 + constants.signals[signal])));
      }),
    );
  } finally {
    release();
  }
}

function findMain(): string {
  try {
    return fileURLToPath(import.meta.resolve(MAIN));
  } catch {
    throw new CommandError(
      'unavailable',
      'the server is not installed beside this command',
      `It is the package ${MAIN.replace('/main', '')}.`,
    );
  }
}
