/** A wall clock that steps, for one process: the real program under the system's loader, with a library that the test compiles. */
import { execFileSync } from 'node:child_process';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/server.ts';

export interface SteppedClock {
  /** Environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** From now on the process is so many seconds ahead of the machine; negative: behind. */
  ahead(seconds: number): void;
}

const SOURCE = fileURLToPath(new URL('./stepped-clock.c', import.meta.url));

/** Needs `cc`. */
export function steppedClock(): SteppedClock {
  const folder = temporaryFolder();
  const library = join(folder, 'stepped-clock.so');
  const file = join(folder, 'ahead');
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE]);
  const opened = openSync(file, 'wx');
  const write = (seconds: number): void => {
    // In place: the process has it in its memory.
    writeSync(opened, new Int32Array([seconds]), 0, Int32Array.BYTES_PER_ELEMENT, 0);
  };
  write(0);
  return {
    env: { LD_PRELOAD: library, STEPPED_CLOCK: file },
    ahead: write,
  };
}
