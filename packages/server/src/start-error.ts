/** Why a start failed, as the operator is told. */
import { StartRefused } from './core/start-refused.ts';

/** What was refused on purpose, and what the system refused, needs no stack. */
export function startError(error: unknown): string {
  if (error instanceof StartRefused || isSystemError(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
