/** A command that cannot go on: what to tell the user, and the exit code. */
import type { ExitName } from './exit-codes.ts';

export class CommandError extends Error {
  readonly exit: ExitName;
  /** What the user can do about it. */
  readonly hint: string | undefined;

  constructor(exit: ExitName, message: string, hint?: string) {
    super(message);
    this.name = 'CommandError';
    this.exit = exit;
    this.hint = hint;
  }
}
