/**
 * What core needs of a store. Whatever cannot be read or made durable throws; nothing is guessed. One contract suite
 * (`test/store`) holds every store to this.
 */
import type { DigestKey, MaybePromise } from '@tessera/verify';
import type { CreditAccount } from './credits.ts';
import type { ForeignRevocation, Issuer } from './issuers/issuer.ts';
import type {
  Api,
  AuditEntry,
  AuditHead,
  AuditRecord,
  Change,
  ChangeEntry,
  IdempotencyRecord,
  LastUse,
  Owner,
  RingKey,
  Role,
  Secret,
  SecretState,
  Token,
  TokenContext,
  TokenWithSecrets,
  UsageCount,
  Workspace,
  WrappedKey,
} from './model.ts';

/** A page of a list in descending order of id, which is newest first: up to `limit` rows with an id below `before`. */
export interface PageRequest {
  readonly limit: number;
  readonly before: string | undefined;
}

export interface TokenFilter {
  readonly owner?: string | undefined;
  readonly api?: string | undefined;
  /** Id of a token: its children. */
  readonly parent?: string | undefined;
  readonly status?: 'active' | 'disabled' | 'expired' | 'revoked' | 'not_yet_valid' | undefined;
  /** Part of the name, any letter case; or exactly an id, a fingerprint or the last four characters. */
  readonly q?: string | undefined;
  /** The time at which `status` is judged. */
  readonly now: number;
}

export interface OwnerFilter {
  readonly type?: string | undefined;
  readonly q?: string | undefined;
}

export interface ImportedPrefix {
  readonly prefix: string;
  readonly algorithm: 'sha256' | 'sha512';
}

/** A node, and the change up to which it has applied all. */
export interface NodeReport {
  readonly id: string;
  readonly seq: number;
}

/** Who is told of changes as they are committed, by whichever process. */
export interface Hearing {
  /** Some were committed, up to this one. Only a hint: it may come twice, late, or for what this process committed itself. */
  changed(seq: number): void;
  /** Whether hints come from now on; at first none do. */
  heard(isHeard: boolean): void;
}

/** How far a verifier in another process has applied the change feed. */
export interface VerifierReport {
  readonly workspace: string;
  /** Id of the token that it calls with: nobody reports for a verifier of another. */
  readonly token: string;
  /** Its own name, a new one at each start. */
  readonly verifier: string;
  readonly seq: number;
}

/** Whom a change concerns: a token and its descendants, or all tokens of an owner, an api and so on. */
export interface SignedSubject {
  readonly workspace: string;
  readonly subject: 'token' | 'owner' | 'api' | 'client' | 'session' | 'workspace';
  /** Of the workspace itself: whatever. */
  readonly id: string;
}

/** Tokens that are not revoked, by what they have in common; the root token is none of them. */
export interface Selection {
  readonly workspace: string;
  /** `parent`: those that descend from it; `key`: those that it signed; `prefix`: those whose text starts so. */
  readonly by: 'owner' | 'parent' | 'api' | 'client' | 'session' | 'key' | 'prefix' | 'all';
  readonly id: string;
  /** Made before, and after: milliseconds since the epoch. */
  readonly before: number | undefined;
  readonly after: number | undefined;
  /** Id of one that is left out. */
  readonly except: string | undefined;
}

/** A page of notices in ascending order of `signedUntil` and `seq`: up to `limit` that come after these two. */
export interface NoticesAfter {
  readonly until: number;
  readonly seq: number;
  readonly limit: number;
}

export interface UsedSecret {
  readonly digest: Uint8Array;
  readonly token: string;
  readonly state: SecretState;
}

/** Reads. Inside a transaction they see what it wrote; outside, what is committed. Deleted workspaces and owners are not found by id. */
export interface Reader {
  workspace(id: string): Promise<Workspace | undefined>;
  workspaces(page: PageRequest): Promise<readonly Workspace[]>;
  api(workspace: string, id: string): Promise<Api | undefined>;
  apiByAudience(workspace: string, audience: string): Promise<Api | undefined>;
  apis(workspace: string, page: PageRequest): Promise<readonly Api[]>;
  owner(workspace: string, id: string): Promise<Owner | undefined>;
  owners(workspace: string, filter: OwnerFilter, page: PageRequest): Promise<readonly Owner[]>;
  role(workspace: string, id: string): Promise<Role | undefined>;
  roleByName(workspace: string, name: string): Promise<Role | undefined>;
  roles(workspace: string, page: PageRequest): Promise<readonly Role[]>;
  /** Those of the ids that exist, in no particular order. */
  rolesByIds(workspace: string, ids: readonly string[]): Promise<readonly Role[]>;
  /** Ids of the owners (not deleted) that have a role. */
  ownersWithRole(workspace: string, role: string): Promise<readonly string[]>;
  /** Those whose metadata has this value under this key: at most two, which tells that there are several. */
  ownersByMetadata(workspace: string, key: string, value: string): Promise<readonly Owner[]>;
  issuer(workspace: string, id: string): Promise<Issuer | undefined>;
  issuers(workspace: string, page: PageRequest): Promise<readonly Issuer[]>;
  foreignRevocation(workspace: string, id: string): Promise<ForeignRevocation | undefined>;
  /** Those that a token of this issuer, `jti` and `sub` may be concerned by, whenever it was issued. */
  foreignRevocations(
    workspace: string,
    of: { readonly issuer: string; readonly jti: string | undefined; readonly sub: string },
  ): Promise<readonly ForeignRevocation[]>;
  key(workspace: string, id: string): Promise<RingKey | undefined>;
  /** Of whichever workspace. */
  keyNamed(id: string): Promise<RingKey | undefined>;
  keys(workspace: string, page: PageRequest): Promise<readonly RingKey[]>;
  /** Those that are not gone, oldest first. */
  liveKeys(workspace: string): Promise<readonly RingKey[]>;
  /** Of all workspaces: those active since `activatedUntil` or longer (undefined: none), and the retired that are needed until `neededUntil` at most. */
  keysDue(due: {
    readonly activatedUntil: number | undefined;
    readonly neededUntil: number;
  }): Promise<readonly RingKey[]>;
  token(workspace: string, id: string): Promise<TokenWithSecrets | undefined>;
  tokens(workspace: string, filter: TokenFilter, page: PageRequest): Promise<readonly TokenWithSecrets[]>;
  /** The tokens that one with this parent descends from, nearest first. */
  ancestors(parent: string): Promise<readonly Token[]>;
  /** Whether an api has a token, in whatever state. */
  apiInUse(workspace: string, api: string): Promise<boolean>;
  /** In ascending order of `seq`. */
  audit(
    workspace: string,
    filter: {
      readonly after: number;
      readonly limit: number;
      readonly action?: string | undefined;
      readonly target?: string | undefined;
    },
  ): Promise<readonly AuditRecord[]>;
  auditHead(workspace: string): Promise<AuditHead | undefined>;
  /** Of all workspaces where `workspace` is undefined, in ascending order of `seq`. */
  changes(filter: {
    readonly workspace: string | undefined;
    readonly since: number;
    readonly limit: number;
  }): Promise<readonly Change[]>;
  /** When the last of the signed tokens ends that a change of this subject concerns; undefined: none is left at `now`. */
  lastSigned(subject: SignedSubject, now: number): Promise<number | undefined>;
  /** Changes that concern signed tokens. Of all workspaces where `workspace` is undefined. */
  notices(workspace: string | undefined, after: NoticesAfter): Promise<readonly Change[]>;
  /** `seq` of the newest change, 0 where there is none. */
  latestChange(): Promise<number>;
  /** `seq` of the newest change of a workspace that is not after `seq`, 0 where there is none. */
  latestChangeUpTo(workspace: string, seq: number): Promise<number>;
  usage(token: string, from: number, to: number): Promise<readonly UsageCount[]>;
  /** The account as it was last written; undefined: the token has no credits. */
  credits(token: string): Promise<CreditAccount | undefined>;
  idempotency(id: string): Promise<IdempotencyRecord | undefined>;
  meta(key: string): Promise<string | undefined>;
  /** All there are, oldest first. */
  dataKeys(): Promise<readonly WrappedKey[]>;
  /** Of all workspaces where `workspace` is undefined. */
  importedPrefixes(workspace: string | undefined): Promise<readonly ImportedPrefix[]>;
  /** The nodes that are alive as far as they have reported, by the clock of the database. */
  nodes(): Promise<readonly NodeReport[]>;
  /** The verifiers of a workspace that have reported in time, and those of them that have come to `seq`. */
  countVerifiers(workspace: string, seq: number): Promise<{ readonly total: number; readonly confirmed: number }>;
  /** Those of the ids that are tokens of the workspace, in no particular order. */
  tokensAmong(workspace: string, ids: readonly string[]): Promise<readonly string[]>;
  /** Those of the digests that are secrets of its tokens. */
  secretsAmong(workspace: string, digests: readonly Uint8Array[]): Promise<readonly UsedSecret[]>;
}

/** Thrown by `insertToken` and `insertSecret` where the digest exists already; the caller draws another secret, or refuses an import. */
export class DigestTaken extends Error {
  override readonly name = 'DigestTaken';
}

/** Thrown by `write` where the store cannot be reached, or another writer does not let go: nothing was written. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** Thrown by `write` where the connection was lost at COMMIT: what was written is durable, or gone. A later read tells. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
}

/** Writes of one unit of work. All become durable together, or none. */
export interface Tx extends Reader {
  insertWorkspace(workspace: Workspace): Promise<void>;
  updateWorkspace(workspace: Workspace): Promise<void>;
  insertApi(api: Api): Promise<void>;
  updateApi(api: Api): Promise<void>;
  deleteApi(workspace: string, id: string): Promise<void>;
  insertOwner(owner: Owner): Promise<void>;
  updateOwner(owner: Owner): Promise<void>;
  insertRole(role: Role): Promise<void>;
  updateRole(role: Role): Promise<void>;
  /** Also takes the role from every owner. */
  deleteRole(workspace: string, id: string): Promise<void>;
  insertKey(key: RingKey): Promise<void>;
  updateKey(key: RingKey): Promise<void>;
  insertIssuer(issuer: Issuer): Promise<void>;
  updateIssuer(issuer: Issuer): Promise<void>;
  deleteIssuer(workspace: string, id: string): Promise<void>;
  /** In the place of the one with this id, where there is one. */
  putForeignRevocation(revocation: ForeignRevocation): Promise<void>;
  /** Those that are over by then. */
  dropForeignRevocationsBefore(time: number): Promise<void>;
  insertToken(token: Token, secret: Secret): Promise<void>;
  updateToken(token: Token): Promise<void>;
  /** Revokes every token of the workspace (of the owner, where one is named) that is not revoked yet; returns their ids. */
  revokeTokens(
    which: { readonly workspace: string; readonly owner?: string | undefined },
    at: number,
    reason: string,
  ): Promise<readonly string[]>;
  /** Revokes every token that descends from this one and is not revoked yet; returns how many they were. */
  revokeDescendants(
    which: { readonly workspace: string; readonly of: string },
    at: number,
    reason: string,
  ): Promise<number>;
  /** Those of the selected tokens that others descend from. */
  parentsAmong(which: Selection): Promise<readonly string[]>;
  /** Those of the selected tokens that are of this api, up to `limit`. */
  selected(which: Selection, among: { readonly api: string; readonly limit: number }): Promise<readonly Token[]>;
  /** Revokes every selected token; returns how many they were. */
  revokeSelected(which: Selection, at: number, reason: string): Promise<number>;
  insertSecret(secret: Secret): Promise<void>;
  /** By digest: state, validUntil, graceSeconds. */
  updateSecret(secret: Secret): Promise<void>;
  /** Retires every secret of a token that lives and that this key signed. `now`: milliseconds since the epoch. */
  endSignedWith(which: { readonly workspace: string; readonly key: string }, now: number): Promise<void>;
  addImportedPrefix(workspace: string, prefix: ImportedPrefix): Promise<void>;
  addUsage(counts: readonly UsageCount[]): Promise<void>;
  /** Of tokens and secrets; never moves a time back. */
  touch(uses: readonly LastUse[]): Promise<void>;
  /** Adds `cost` where the sum stays within `limit`; answers what is used afterwards, and whether it was added. `period` is the key of the day or month. */
  spendQuota(
    key: string,
    period: string,
    spend: { readonly cost: number; readonly limit: number },
  ): Promise<{ readonly used: number; readonly allowed: boolean }>;
  /** Takes back what `spendQuota` added, where that is still counted. */
  refundQuota(key: string, period: string, cost: number): Promise<void>;
  /** Writes the account of a token; undefined: it has none any more. */
  putCredits(token: string, account: CreditAccount | undefined): Promise<void>;
  putIdempotency(record: IdempotencyRecord): Promise<void>;
  dropIdempotencyBefore(time: number): Promise<void>;
  setMeta(key: string, value: string): Promise<void>;
  /** In the place of the one with this id, where there is one. */
  putDataKey(key: WrappedKey): Promise<void>;
  /** Where a node stands. It counts as alive for `liveMs` from now, or until it is dropped. */
  putNode(report: NodeReport & { readonly liveMs: number }): Promise<void>;
  dropNode(id: string): Promise<void>;
  /** True for the first who claims this proof; false for everybody else until `untilMs` (since the epoch) at least. */
  claimProof(id: string, untilMs: number): Promise<boolean>;
  /** Each counts as there for `liveMs` by the clock of the database. Of a workspace, at most so many are kept; further ones are passed over. */
  putVerifiers(batch: {
    readonly reports: readonly VerifierReport[];
    readonly liveMs: number;
    readonly most: number;
  }): Promise<void>;
  /** This one counts no more, whatever else is put of it, for as long as it would have counted. */
  dropVerifier(who: Omit<VerifierReport, 'seq'>): Promise<void>;
  /** Appends to the audit chain of the entry's workspace when the unit of work commits. */
  record(entry: AuditEntry): void;
  /** Appends to the change feed when the unit of work commits. */
  changed(change: ChangeEntry): void;
  /**
   * Says that somebody will be told how things stand. What stood already, because of another process, must be as true of this one's memory as
   * what the unit changes: `onCommit` says how far that has to have read.
   */
  tells(): void;
}

/** Makes records and heads of the audit chain; the key of the head stays out of the store. */
export interface AuditSeal {
  record(entry: AuditEntry, seq: number, previous: string): AuditRecord;
  /** The head after this record. `before`: the head that the record continues; undefined: it is the first. */
  head(record: AuditRecord, before: AuditHead | undefined): AuditHead;
}

export interface Store extends Reader {
  /** The context of the secret with this digest. Retired secrets, revoked and expired tokens are found. From memory-speed reads where it can. */
  find(digest: DigestKey): MaybePromise<TokenContext | undefined>;
  /** What is used of a quota now. */
  quotaUsed(key: string, period: string): MaybePromise<number>;
  /**
   * Runs a unit of work alone: one writer at a time over all nodes, many units in one commit. Resolves when it is
   * durable. `work` may be run more than once, so that it must have no effect but through `tx`; what it throws is
   * rethrown after its own writes, and only its own, were undone.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * As `write`, for what no request waits for, such as counts: a store that works in this process does it beside the thread that judges. It
   * may take longer.
   */
  writeAside<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Hears of every change that this process committed, in order, before the write that made it resolves. `seen`: the newest
   * change that a unit saw which changed nothing and `tells`.
   */
  onCommit(listener: (changes: readonly Change[], seen?: number) => void): void;
  /** Pushes hints of changes where the database can; where not, says nothing. What it returns ends it. */
  listen(hearing: Hearing): () => void;
  close(): Promise<void>;
}
