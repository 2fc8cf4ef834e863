/** Typed client of the Tessera management API: `fetch` and nothing else at run time. */
export type { Call, CallInput, CallOptions, Reply, Send } from './call-types.ts';
export { type Client, createClient } from './client.ts';
export type { ClientOptions, Pause } from './client-options.ts';
export type { ErrorCode, ServerCode } from './error-codes.ts';
export type { Change, FollowOptions } from './follow-changes.ts';
export type {
  ActiveToken,
  Exchanged,
  ExchangeInput,
  Introspection,
  OAuth,
  OAuthOptions,
  RevokeOptions,
} from './oauth.ts';
export type { OAuthCode } from './oauth-codes.ts';
export { type OperationCall, operations } from './operations.ts';
export { type ErrorKind, type InputFault, TesseraError } from './tessera-error.ts';
