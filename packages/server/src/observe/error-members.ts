/** What a log line says of an error. */
import { stdSerializers } from 'pino';

/**
 * These members and no others: libraries put into theirs what they were working on. An HTTP client keeps the bytes of the
 * answer that it could not read, a database driver the row that it could not write; neither is ours to tell.
 */
export function errorMembers(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = stdSerializers.err(error);
  return {
    type,
    message,
    stack,
    ...('code' in error && { code: error.code }),
    ...(error instanceof AggregateError && { aggregateErrors: error.errors.map(errorMembers) }),
  };
}
