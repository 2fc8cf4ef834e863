/** What a listener is given, how much of each thing it bears, and what it can be told later. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface ListenOptions {
  readonly handler: Handler;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Hears of every error that became a 500. Must not throw. */
  readonly onError: (error: unknown) => void;
  readonly limits?: Partial<ListenLimits>;
}

export interface ListenLimits {
  readonly maxHeaderBytes: number;
  /** Until the header section is here. */
  readonly headersTimeoutMs: number;
  /** Until the whole request is here; 0: the handler bounds its bodies itself. */
  readonly requestTimeoutMs: number;
  /** Silence between two requests of a connection. */
  readonly keepAliveTimeoutMs: number;
  readonly maxRequestsPerConnection: number;
  /**
   * Requests that may wait on a connection for the answer to the one before: they arrive far faster than they are answered,
   * and each takes memory. A connection that sends more is cut.
   */
  readonly maxPipelinedRequests: number;
  /** How often the timeouts are looked at. */
  readonly checkEveryMs: number;
}

export const LISTEN_LIMITS: ListenLimits = Object.freeze({
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  maxRequestsPerConnection: 100_000,
  maxPipelinedRequests: 64,
  checkEveryMs: 1_000,
});

export interface Listener {
  readonly port: number;
  /**
   * Stops accepting, lets running requests end for so long, then cuts them. Answers given meanwhile say
   * `Connection: close`. Resolves when no connection is left.
   */
  close(graceMs: number): Promise<void>;
}
