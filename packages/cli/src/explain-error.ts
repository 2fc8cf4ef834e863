/** Says on stderr what went wrong, in words, and finds the exit code. */
import { TesseraError } from '@tessera/client';
import { redact } from '@tessera/token';
import { CommandError } from './command-error.ts';
import { type ExitName, exitOf } from './exit-codes.ts';
import { neutraliseLines } from './output/neutralise.ts';

export interface Explanation {
  readonly exit: ExitName;
  /** Whole lines; free of tokens and of control characters. */
  readonly text: string;
}

export function explainError(error: unknown): Explanation {
  if (isAbort(error)) return { exit: 'interrupted', text: '' };
  if (error instanceof CommandError) return { exit: error.exit, text: lines(`error: ${error.message}`, error.hint) };
  if (error instanceof TesseraError) return { exit: exitOf(error), text: explainRefusal(error) };
  // The message says it; the stack helps nobody here.
  return { exit: isOfTheUser(error) ? 'usage' : 'unavailable', text: lines(`error: ${messageOf(error)}`) };
}

/** Text from the command line or the server, made fit to print. */
export function safeText(text: string): string {
  return neutraliseLines(redact(text, () => '[token]'));
}

function explainRefusal(error: TesseraError): string {
  return lines(
    `error: ${error.message}`,
    ...error.errors
      .map(({ pointer, detail }) => `${pointer === '' ? 'input' : pointer}: ${detail}`)
      // A single fault is often all that the message says.
      .filter((fault) => !error.message.endsWith(fault))
      .map((fault) => `  ${fault}`),
    hintFor(error),
    error.requestId === undefined ? undefined : `  code ${error.rawCode ?? error.code}, request ${error.requestId}`,
  );
}

function hintFor({ status, kind, code, detail, retryAfterSeconds }: TesseraError): string | undefined {
  if (status === 401) return 'The management token was refused. Run `tessera login`, or look at TESSERA_TOKEN.';
  if (kind === 'network')
    return 'Is the server running? `tessera start` starts one; --url or TESSERA_URL names another.';
  // The platform says what it does not have; the gateway says no more to anybody.
  if (code === 'not_found' && detail === undefined)
    return 'Is this the gateway? --url or TESSERA_URL must name the platform, which `tessera start` prints first.';
  return retryAfterSeconds === undefined ? undefined : `Try again in ${retryAfterSeconds} s.`;
}

function lines(...parts: readonly (string | undefined)[]): string {
  return parts.flatMap((part) => (part === undefined ? [] : [`${safeText(part)}\n`])).join('');
}

/** An id that cannot be sent, or a file that cannot be used. */
function isOfTheUser(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && 'syscall' in error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
