/** The process edge of the `tessera` command: nothing else reads `process`. */
import { homedir } from 'node:os';
import process from 'node:process';
import { exitCodes } from './exit-codes.ts';
import { run } from './run.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const interrupted = new AbortController();

// `tessera ... | head` is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? exitCodes.ok.code);
});

const interrupt = (): void => {
  if (interrupted.signal.aborted) process.exit(exitCodes.interrupted.code);
  interrupted.abort(new DOMException('interrupted', 'AbortError'));
};
process.on('SIGINT', interrupt);

process.exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  homeDirectory: homedir(),
  platform: process.platform,
  execPath: process.execPath,
  interrupted: interrupted.signal,
  takeSignals: (handler) => {
    process.off('SIGINT', interrupt);
    for (const signal of signals) process.on(signal, handler);
    return () => {
      for (const signal of signals) process.off(signal, handler);
      process.on('SIGINT', interrupt);
    };
  },
  now: Date.now,
});
