/** The exit codes of the command line: a contract with scripts, documented from this table. */
import type { TesseraError } from '@tessera/client';

export const exitCodes = {
  ok: { code: 0, meaning: 'done; or the answer is yes' },
  no: { code: 1, meaning: 'the answer is no: a token is not valid, the chain of the audit log is broken' },
  usage: { code: 2, meaning: 'the command line, the input or the configuration is not valid; nothing was done' },
  notSignedIn: { code: 3, meaning: 'no management token, or one that is refused' },
  forbidden: { code: 4, meaning: 'the management token may not do this' },
  notFound: { code: 5, meaning: 'no such object in this workspace' },
  conflict: { code: 6, meaning: 'the state of the object does not allow this' },
  rateLimited: { code: 7, meaning: 'too many requests; try again later' },
  unavailable: { code: 8, meaning: 'the server could not be reached, or failed' },
  interrupted: { code: 130, meaning: 'interrupted by the user' },
} as const;

export type ExitName = keyof typeof exitCodes;

/** The exit code for a call that failed. What is not known counts as a failure of the server. */
export function exitOf({ status, code }: Pick<TesseraError, 'status' | 'code'>): ExitName {
  if (code === 'idempotency_key_reused') return 'conflict';
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 415:
    case 422:
    case 431:
      return 'usage';
    case 401:
      return 'notSignedIn';
    case 403:
      return 'forbidden';
    case 404:
      return 'notFound';
    case 409:
    case 412:
      return 'conflict';
    case 429:
      return 'rateLimited';
    default:
      return 'unavailable';
  }
}
