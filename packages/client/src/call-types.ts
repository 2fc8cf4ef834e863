/** What each call takes and gives, from the types of the contract: nothing of it exists at run time. */
import type { BodyInput, OperationName, Operations, Output, Params, QueryInput } from '@tessera/contract';

export interface CallOptions {
  /** Default, where the call changes something with POST: a fresh UUID. Give your own to repeat a call from another process. */
  readonly idempotencyKey?: string | undefined;
  /** The `etag` of the version that you have seen: the call fails with `precondition_failed` where it is no longer the current one. */
  readonly ifMatch?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the call may be sent again when it is not known whether it was carried out. Default: reads, and what is sent
   * with POST under an `Idempotency-Key`. Not by default PATCH and DELETE, nor verdicts, which count each time.
   */
  readonly repeatable?: boolean | undefined;
}

type ParamsPart<N extends OperationName> = Operations[N] extends { readonly params: unknown }
  ? { readonly params: Params<N> }
  : { readonly params?: never };
type QueryPart<N extends OperationName> = Operations[N] extends { readonly query: unknown }
  ? { readonly query?: QueryInput<N> | undefined }
  : { readonly query?: never };
type BodyPart<N extends OperationName> = Operations[N] extends { readonly body: unknown }
  ? Operations[N] extends { readonly bodyOptional: true }
    ? { readonly body?: BodyInput<N> | undefined }
    : { readonly body: BodyInput<N> }
  : { readonly body?: never };

export type CallInput<N extends OperationName> = ParamsPart<N> & QueryPart<N> & BodyPart<N> & CallOptions;

/** The input may be left out where nothing of it is required. */
export type CallArguments<N extends OperationName> =
  Record<never, never> extends CallInput<N> ? [input?: CallInput<N>] : [input: CallInput<N>];

/** An answer with what stood around it. */
export interface Reply<T> {
  readonly data: T;
  readonly status: number;
  /** Version of the object, for `ifMatch`. */
  readonly etag: string | undefined;
  readonly requestId: string | undefined;
}

/** Calls an operation and gives its answer. */
export type Call = <N extends OperationName>(name: N, ...input: CallArguments<N>) => Promise<Output<N>>;
/** Calls an operation and gives its answer with the status, the `etag` and the request id. */
export type Send = <N extends OperationName>(name: N, ...input: CallArguments<N>) => Promise<Reply<Output<N>>>;

/** {@link CallInput} as the transport sees it: all operations alike. */
export interface AnyCallInput extends CallOptions {
  readonly params?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
  readonly body?: unknown;
}
