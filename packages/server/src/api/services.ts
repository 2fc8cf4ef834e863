/** What the management API is given: built once by the composition root. */
import type { Body, Operation, OperationName, Operations, Output, Params, Query } from '@tessera/contract';
import type { Clock, Ports, TokenKind } from '@tessera/verify';
import type { Call, Confirmed } from '../core/call.ts';
import type { Custody } from '../core/custody/custody.ts';
import type { FailedCredentials, Recorder } from '../core/door-ports.ts';
import type { Feed } from '../core/feed.ts';
import type { Signing } from '../core/signed/signing.ts';
import type { Store, Tx } from '../core/store-port.ts';
import type { ExpiryPolicy } from '../core/tokens/expiry.ts';
import type { Positions } from '../core/verifiers/positions.ts';
import type { Cursors } from './cursor.ts';
import type { InFlight } from './idempotency.ts';
import type { MostStreams } from './stream-places.ts';

/** Hears what the metrics want to know of the management API. */
export interface ApiEvents {
  minted(kind: TokenKind): void;
  /** @param count default 1 */
  revoked(count?: number): void;
  answered(answer: {
    readonly path: string;
    readonly method: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
  /** A stream of the change feed has begun (1), or ended (-1). */
  followed(change: 1 | -1): void;
}

export interface ApiServices {
  readonly store: Store;
  readonly ports: Ports;
  readonly clock: Clock;
  readonly failed: FailedCredentials;
  readonly recorder: Recorder;
  readonly feed: Feed;
  /** Where verifiers have come to. */
  readonly positions: Pick<Positions, 'report' | 'withdraw'>;
  readonly cursors: Cursors;
  readonly inFlight: InFlight;
  readonly policy: ExpiryPolicy;
  /** Signs tokens. */
  readonly signing: Signing;
  /** Until the body of a request is here. */
  readonly bodyTimeoutMs?: number;
  /** Streams of the change feed that may be open at once; what is absent is as in `stream-places`. */
  readonly mostStreams?: Partial<MostStreams>;
  /** Whether this node answers an operation; absent: all of them. */
  readonly serves?: ((operation: Operation) => boolean) | undefined;
  /** Seals private keys. */
  readonly sealing: Pick<Custody, 'seal'>;
  /** Authenticates the heads of the audit chains. */
  readonly auditKey: Uint8Array;
  /** Whether this node is about to stop: who follows the feed goes to another one. */
  readonly isDraining: () => boolean;
  readonly events: ApiEvents;
  readonly onError: (error: unknown, requestId: string) => void;
}

type Named<Changes extends boolean> = {
  [N in OperationName]: Operations[N]['changes'] extends Changes ? N : never;
}[OperationName];

export type VerifyName = 'verify.one' | 'verify.batch';
export type WriteName = Named<true>;
export type ReadName = Exclude<Named<false>, VerifyName>;

/** An output as the contract has it; `version` becomes the `ETag`. */
export interface Result<O> {
  readonly output: O;
  readonly version?: number;
}

export interface ReadRequest<N extends ReadName> {
  readonly call: Call;
  readonly params: Params<N>;
  readonly query: Query<N>;
  readonly body: Body<N>;
  readonly services: ApiServices;
}

export interface WriteRequest<N extends WriteName> {
  readonly call: Confirmed;
  readonly params: Params<N>;
  readonly body: Body<N>;
  readonly services: ApiServices;
}

/** Reads committed state, or takes a report that nobody is an administrator for. */
export type ReadHandler<N extends ReadName> = (request: ReadRequest<N>) => Promise<Result<Output<N>>>;
/** Runs inside a unit of work, perhaps more than once, and has no effect but through `tx`. */
export type WriteHandler<N extends WriteName> = (tx: Tx, request: WriteRequest<N>) => Promise<Result<Output<N>>>;

export type ReadHandlers<N extends ReadName> = { readonly [K in N]: ReadHandler<K> };
export type WriteHandlers<N extends WriteName> = { readonly [K in N]: WriteHandler<K> };
