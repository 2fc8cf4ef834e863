/** The one error of this client: what went wrong, in fields that programs can act on. */
import { type ErrorCode, isServerCode } from './error-codes.ts';

/**
 * - `problem`: the server refused, and said why (RFC 9457, at the OAuth endpoints RFC 6749)
 * - `network`: the server could not be reached, or the connection broke
 * - `timeout`: no complete answer in time
 * - `protocol`: something answered, but not as the management API does
 * - `missed`: the change feed cannot tell what came after the position that was asked for
 */
export type ErrorKind = 'problem' | 'network' | 'timeout' | 'protocol' | 'missed';

/** One fault of the input. */
export interface InputFault {
  /** JSON pointer into the body, or the name of a query parameter. */
  readonly pointer: string;
  readonly detail: string;
  readonly code: string;
}

export interface ErrorFacts {
  readonly kind: ErrorKind;
  /** What the server said; of a problem alone. */
  readonly code?: string | undefined;
  readonly title: string;
  readonly detail?: string | undefined;
  readonly errors?: readonly InputFault[] | undefined;
  /** HTTP status; undefined where nothing answered. */
  readonly status?: number | undefined;
  /** Finds the request in the server's log. */
  readonly requestId?: string | undefined;
  /** How long the server asks to wait, in seconds. */
  readonly retryAfterSeconds?: number | undefined;
}

/** Thrown by every call that did not succeed. Neither its message nor its fields ever hold the token of the client. */
export class TesseraError extends Error {
  readonly kind: ErrorKind;
  /** Stable: of the problem where the server sent one, else the kind. `unexpected`: a code that this client does not know. */
  readonly code: ErrorCode;
  /** What the server said where `code` is `unexpected`: it is newer than this client, or something else answered. */
  readonly rawCode: string | undefined;
  readonly title: string;
  readonly detail: string | undefined;
  readonly errors: readonly InputFault[];
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(facts: ErrorFacts) {
    super(facts.detail === undefined ? facts.title : `${facts.title.replace(/\.$/, '')}: ${facts.detail}`);
    this.name = 'TesseraError';
    const { kind, code } = facts;
    this.kind = kind;
    // Only a server's own words are looked up: it cannot claim that the network failed.
    this.code = kind === 'problem' ? (isServerCode(code) ? code : 'unexpected') : kind;
    this.rawCode = this.code === 'unexpected' ? code : undefined;
    this.title = facts.title;
    this.detail = facts.detail;
    this.errors = Object.freeze([...(facts.errors ?? [])]);
    this.status = facts.status;
    this.requestId = facts.requestId;
    this.retryAfterSeconds = facts.retryAfterSeconds;
  }
}
