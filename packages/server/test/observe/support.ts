/** A log in a file of its own, secrets to lose in it, and what each of them may show. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprint, generate } from '@tessera/token';
import { onTestFinished } from 'vitest';
import { createLogger, type Log, type LoggerOptions } from '../../src/observe/log.ts';

/** A path that nothing is at, until the test is over. */
export function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'log');
}

export interface FileLog extends Log {
  /** What was written, once everything is. */
  text(): Promise<string>;
}

export function fileLog(options: Partial<LoggerOptions> = {}): FileLog {
  const destination = newFile();
  const log = createLogger({ level: 'trace', destination, ...options });
  return {
    ...log,
    async text() {
      await log.flush();
      return readFileSync(destination, 'utf8');
    },
  };
}

export const TOKEN = generate({ prefix: 'tsr', environment: 'live' });
export const OTHER_TOKEN = generate({ prefix: 'acme', environment: 'test' });

/** What stands in the place of a token. */
export function named(token: string): string {
  return `tessera:fp:${fingerprint(createHash('sha256').update(token).digest())}`;
}

export const JWT = [
  Buffer.from('{"alg":"EdDSA","typ":"at+jwt"}').toString('base64url'),
  Buffer.from('{"sub":"own_1","jti":"tok_1"}').toString('base64url'),
  'c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmU',
].join('.');
