/** What a listener is given, how much of each thing it bears, and what it can be told later. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** `connection` is there where the request may change its protocol: the handler answers, or takes it over and writes to it. */
export type UpgradingHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  connection?: Socket,
) => void | Promise<void>;

export interface ListenOptions {
  readonly handler: UpgradingHandler;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Whether other threads of this process listen there too: the system deals the connections out. */
  readonly reusePort?: boolean;
  /** Hears of every error that became a 500. Must not throw. */
  readonly onError: (error: unknown) => void;
  /** Which of the requests that offer another protocol may change to it; the others are requests like any. Without it none. */
  readonly mayUpgrade?: (request: IncomingMessage) => boolean;
  /** Hears of every connection that was closed because there were too many. Must not throw. */
  readonly onCrowded?: (() => void) | undefined;
  /** With it TLS ends here, and clients that know HTTP/2 speak that. */
  readonly tls?: TlsListening | undefined;
  /** In clear, and strangers reach it: the edge refuses credentials, which may have been read on the way. */
  readonly exposed?: boolean;
  /** Every connection is from a proxy that says first who the client is (PROXY protocol, version 1 or 2). */
  readonly proxied?: ProxyListening | undefined;
  readonly limits?: Partial<ListenLimits>;
}

export interface TlsListening {
  readonly context: SecureContextOptions;
  /**
   * `optional`: a client may present a certificate, and one that is not valid is refused, never taken for none.
   * `required`: nobody is let in without a valid one.
   */
  readonly clientCertificates: 'off' | 'optional' | 'required';
  /** A handshake failed, or was refused for its certificate. Must not throw. */
  readonly onRefused: (reason: RefusedHandshake) => void;
}

export interface ProxyListening {
  /** Whether this peer is one of our proxies. */
  readonly trusts: (address: string) => boolean;
  /** A connection was closed: from another peer, or without a valid header in time. Must not throw. */
  readonly onRefused: () => void;
}

export type RefusedHandshake = 'certificate_missing' | 'certificate_invalid' | 'timeout' | 'aborted' | 'protocol';

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
  /** Connections at once; one more is closed as soon as it is accepted. */
  readonly maxConnections: number;
  /** How long a peer may take nothing of an answer that waits for it: the answer takes memory as long. */
  readonly unreadTimeoutMs: number;
  /** Requests that run at once in a session of HTTP/2. */
  readonly maxStreams: number;
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
  maxConnections: 20_000,
  unreadTimeoutMs: 30_000,
  maxStreams: 100,
  checkEveryMs: 1_000,
});

export interface Listener {
  readonly port: number;
  /** The certificate of every handshake from now on; connections that are there go on with theirs. Of no effect without TLS. */
  renew(context: SecureContextOptions): void;
  /** From now on every answer is the last one of its connection, and says so; new connections are still accepted. */
  lastAnswers(): void;
  /**
   * Stops accepting, lets running requests end for so long, then cuts them. Answers given meanwhile say
   * `Connection: close`, and sessions of HTTP/2 hear GOAWAY. Resolves when no connection is left.
   */
  close(graceMs: number): Promise<void>;
}
