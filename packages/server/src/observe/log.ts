/** The log: one JSON object a line, written behind the requests, without a secret in it. */
import { openSync } from 'node:fs';
import { type Logger, destination as openDestination, pino, stdTimeFunctions } from 'pino';
import { type AccessLog, accessLines } from './access-log.ts';
import { errorMembers } from './error-members.ts';
import { gathered, type LineSink } from './gathered-lines.ts';
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

export interface ThreadLog {
  readonly logger: Logger;
  /** Undefined where the level keeps it silent. */
  readonly access: AccessLog | undefined;
  /** Hands on what is gathered so far. */
  pass(): void;
}

export interface Log extends ThreadLog {
  /** Writes lines that another thread made. */
  write(lines: string): void;
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
  const { destination = 1, maxWaitingBytes = 16 * 1024 * 1024 } = options;
  const stream = openDestination({
    dest: typeof destination === 'string' ? openSync(destination, 'a', FILE_MODE) : destination,
    sync: false,
    // What it is given starts a write when none is under way, and joins the next one otherwise: with a longer minimum, a
    // flush that meets a write under way would leave up to that much behind.
    minLength: 1,
    maxLength: maxWaitingBytes,
  });
  const log = logOver(stream, options);
  let dropped = 0;
  stream.on('drop', (text: string) => {
    dropped += text.split('\n').length - 1;
  });
  stream.on('drain', () => {
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    log.logger.warn({ lines: count }, 'log lines were dropped: whoever reads the log is too slow');
  });
  // A full disk must not end the process: what is waiting is tried again with the next line.
  stream.on('error', () => undefined);
  return {
    ...log,
    write: (lines) => void stream.write(lines),
    flush() {
      log.pass();
      return new Promise((resolve) => stream.flush(() => resolve()));
    },
  };
}

/** The same lines, made and scrubbed in this thread, and handed to whoever writes them. */
export function logOver(sink: LineSink, { level, secrets = [] }: Pick<LoggerOptions, 'level' | 'secrets'>): ThreadLog {
  const lines = gathered(sink);
  const scrubbing = scrubber(secrets);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorMembers },
      hooks: { streamWrite: scrubbing.scrub },
    },
    lines,
  );
  const accessLine = accessLines(Date.now, scrubbing);
  const access: AccessLog = (entry) => lines.write(accessLine(entry));
  return { logger, access: logger.isLevelEnabled('info') ? access : undefined, pass: lines.pass };
}
