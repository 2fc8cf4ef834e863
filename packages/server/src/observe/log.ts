/** The log: one JSON object a line, written behind the requests, without a secret in it. */
import { openSync } from 'node:fs';
import { type Logger, destination as openDestination, pino, stdTimeFunctions } from 'pino';
import { type AccessLog, accessLines } from './access-log.ts';
import { gathered } from './gathered-lines.ts';
import { scrubber } from './log-line.ts';

export type { Logger } from 'pino';

/** Of a log file: its owner writes, its group reads. */
const FILE_MODE = 0o640;

export interface LoggerOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** A file, or a descriptor; default 1, the standard output. */
  readonly destination?: string | number;
  /** Texts, other than tokens, that no line may hold: the master key, the password of the database. */
  readonly secrets?: readonly string[];
  /** What may wait for a reader that is slower than we are, default 16 MiB; lines beyond it are dropped, and counted in a line of their own. */
  readonly maxWaitingBytes?: number;
}

export interface Log {
  readonly logger: Logger;
  /** Undefined where the level keeps it silent. */
  readonly access: AccessLog | undefined;
  /** Resolves when every line so far is written, or cannot be. Never rejects, but waits for whoever reads the log. */
  flush(): Promise<void>;
}

/**
 * A logger whose lines are scrubbed by value: tokens become `tessera:fp:<fingerprint>`, JWTs and the credentials of
 * `Authorization` headers `[redacted]`. Lines keep their order; what was logged before the process exits is written.
 *
 * @throws where the file cannot be opened
 */
export function createLogger(options: LoggerOptions): Log {
  const { level, destination = 1, secrets = [], maxWaitingBytes = 16 * 1024 * 1024 } = options;
  const stream = openDestination({
    dest: typeof destination === 'string' ? openSync(destination, 'a', FILE_MODE) : destination,
    sync: false,
    // What it is given starts a write when none is under way, and joins the next one otherwise: with a longer minimum, a
    // flush that meets a write under way would leave up to that much behind.
    minLength: 1,
    maxLength: maxWaitingBytes,
  });
  const lines = gathered(stream);
  const scrubbing = scrubber(secrets);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: scrubbing.scrub },
    },
    lines,
  );
  let dropped = 0;
  stream.on('drop', (text: string) => {
    dropped += text.split('\n').length - 1;
  });
  stream.on('drain', () => {
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    logger.warn({ lines: count }, 'log lines were dropped: whoever reads the log is too slow');
  });
  // A full disk must not end the process: what is waiting is tried again with the next line.
  stream.on('error', () => undefined);
  const flush = (): Promise<void> => {
    lines.pass();
    return new Promise((resolve) => stream.flush(() => resolve()));
  };
  const accessLine = accessLines(Date.now, scrubbing);
  const access: AccessLog = (entry) => lines.write(accessLine(entry));
  return { logger, access: logger.isLevelEnabled('info') ? access : undefined, flush };
}
