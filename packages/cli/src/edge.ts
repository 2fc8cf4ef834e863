/** All that the commands know of the process they run in; `main` makes the real one. */
import type { Readable, Writable } from 'node:stream';

export interface Edge {
  /** What was typed after `tessera`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly homeDirectory: string;
  readonly platform: string;
  /** The program that runs JavaScript, for `start` and `config`. */
  readonly execPath: string;
  /** Aborts when the user interrupts. */
  readonly interrupted: AbortSignal;
  /** Hands over every signal that asks the process to act, instead of the default; gives back how to stop that. */
  readonly takeSignals: (handler: (signal: NodeJS.Signals) => void) => () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
