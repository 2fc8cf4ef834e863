export {
  type AddressLists,
  type AddressRule,
  addressRule,
  addressRuleOnUse,
  isAddressRange,
  isNearlyEveryone,
  type ListedAddresses,
  plainAddress,
  sourceOf,
} from './addresses.ts';
export {
  type DenialAudience,
  type DenialProblem,
  notWellFormed,
  problemOfDenial,
  problemOfEmptyCredential,
} from './answers/problem-of-denial.ts';
export {
  type FieldError,
  type FlatFields,
  jsonFields,
  type ProblemDetails,
  problemFields,
  problemText,
} from './answers/problem-text.ts';
export { rateHeaders } from './answers/rate-headers.ts';
export { isRequestId, newRequestId } from './answers/request-id.ts';
export {
  type Client,
  clientAddress,
  type ForwardedHeader,
  type ProxySet,
  peerAddress,
  type ToldHops,
  type TrustedProxies,
  trustedProxies,
} from './clients/client-address.ts';
export { nodeAddress, parseForwarded } from './clients/forwarded.ts';
export { type ChangeOfFacts, concerns, lineOf } from './concerns.ts';
export { decide } from './decide.ts';
export { type DenialCode, type DenialMeaning, denialCodes, denials, type Step } from './denials.ts';
export { type DigestKey, digestBytes, digestKey, digestKeyOf } from './digest.ts';
export { type Explanation, explain } from './explain.ts';
export { type FeedChange, type JudgedCall, type LiveCall, type LiveCalls, liveCalls } from './live/live-calls.ts';
export { unspent } from './live/unspent.ts';
export { type FactsMemory, factsMemory } from './lookups/facts-memory.ts';
export { type AddressesOnWire, type FactsOnWire, factsFromWire, factsToWire } from './lookups/facts-wire.ts';
export { type MemoryLookup, memoryLookup } from './lookups/memory.ts';
export {
  createVerifier,
  type RemoteVerifier,
  type VerifierMetrics,
} from './lookups/remote/create-verifier.ts';
export type { VerifierEvent, VerifierOptions } from './lookups/remote/options.ts';
export { UnreadableFacts } from './lookups/strict-reader.ts';
export { chain, type MaybePromise } from './maybe-promise.ts';
export { narrowed } from './narrowed.ts';
export { policyOrder } from './policy.ts';
export type {
  BudgetRule,
  Clock,
  Concurrency,
  ConcurrencyOutcome,
  ConcurrencyRule,
  CreditRule,
  Limiter,
  LimitOutcome,
  LimitRule,
  OnFault,
  PolicyFault,
  Ports,
  PresentedProof,
  Proofs,
  QuotaOutcome,
  QuotaRule,
  Quotas,
  SignedAsked,
  SignedLookup,
  TokenFacts,
  TokenLookup,
} from './ports.ts';
export {
  type Credential,
  credentialOf,
  credentialOfDigest,
  type Presence,
  type Presented,
  presence,
} from './presence.ts';
export { type MemoryReplays, memoryReplays, type ReplayStore } from './proofs/replays.ts';
export { parameterKey, parametersOf, withoutParameters } from './query.ts';
export {
  type Asked,
  type Circumstances,
  type CountedBy,
  circumstances,
  counterKey,
  type ProvedCertificate,
  type RequiredConcurrency,
  type RequiredLimit,
  type RequiredQuota,
  type Requirement,
  requirement,
} from './requirement.ts';
export { condition, recognise } from './validation.ts';
export {
  type Allow,
  type Deny,
  deny,
  type Environment,
  type Finding,
  type Foreign,
  type Held,
  type LimitState,
  type OwnerType,
  type Principal,
  type Shadowed,
  type ShadowPolicy,
  shadowPolicies,
  type TokenKind,
  type Verdict,
} from './verdict.ts';
export {
  type AllowedCall,
  type AskedOfVerifier,
  type JudgedBy,
  judgePresented,
  type Verifier,
  verifierOver,
} from './verifier.ts';
export { wakefulClock } from './wakeful-clock.ts';
