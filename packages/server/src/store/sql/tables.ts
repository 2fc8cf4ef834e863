/** The tables as both dialects hold them. Times are milliseconds, flags 0 or 1, lists and objects JSON text. */
import type { Kysely } from 'kysely';

export interface WorkspaceRow {
  readonly id: string;
  readonly name: string;
  readonly enabled: number;
  readonly deleted_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly version: number;
}

export interface ApiRow {
  readonly id: string;
  readonly workspace: string;
  readonly name: string;
  readonly audience: string;
  readonly prefix: string;
  readonly scopes: string;
  readonly default_expiry_seconds: number | null;
  readonly maximum_expiry_seconds: number | null;
  /** How its tokens are signed. */
  readonly jwt: string | null;
  readonly built_in: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly version: number;
}

export interface RoleRow {
  readonly id: string;
  readonly workspace: string;
  readonly name: string;
  readonly scopes: string;
  readonly ip: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly version: number;
}

export interface OwnerRow {
  readonly id: string;
  readonly workspace: string;
  readonly type: string;
  readonly name: string;
  /** The name in lower case: SQLite and PostgreSQL do not agree on letter case beyond ASCII. */
  readonly name_folded: string;
  readonly enabled: number;
  readonly quota: string | null;
  readonly metadata: string;
  readonly deleted_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly version: number;
}

interface OwnerRoleRow {
  readonly workspace: string;
  readonly owner: string;
  readonly role: string;
  readonly position: number;
}

export interface TokenRow {
  readonly id: string;
  readonly workspace: string;
  readonly kind: string;
  readonly name: string;
  readonly name_folded: string;
  readonly owner: string | null;
  readonly api: string;
  readonly environment: string;
  readonly scopes: string;
  readonly limits: string;
  readonly quota: string | null;
  /** The rule of its credits; how many are left is in `credits`, which every request writes. */
  readonly credits: string | null;
  readonly ip: string;
  readonly metadata: string;
  readonly bound_key: string | null;
  readonly format: string;
  readonly parent: string | null;
  readonly client: string | null;
  readonly session: string | null;
  readonly enabled: number;
  readonly created_by: string;
  readonly not_before: number | null;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  readonly revoked_reason: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly version: number;
}

export interface SecretRow {
  readonly digest: Uint8Array;
  readonly algorithm: string;
  readonly token: string;
  /** 1 for the token's first secret: the order of creation, which times alone do not give. */
  readonly ordinal: number;
  readonly fingerprint: string | null;
  readonly hint: string;
  readonly last_four: string;
  readonly state: string;
  readonly created_at: number;
  readonly valid_until: number | null;
  readonly grace_seconds: number | null;
  readonly last_used_at: number | null;
  readonly signed_with: string | null;
}

export interface AuditRow {
  readonly workspace: string;
  readonly seq: number;
  readonly at: number;
  readonly actor_token: string | null;
  readonly actor_owner: string | null;
  readonly actor_kind: string;
  readonly action: string;
  readonly target_type: string | null;
  readonly target_id: string | null;
  readonly outcome: string;
  readonly request_id: string | null;
  readonly address: string | null;
  readonly details: string;
  readonly previous: string;
  readonly hash: string;
}

export interface AuditHeadRow {
  readonly workspace: string;
  readonly seq: number;
  readonly hash: string;
  readonly mac: string;
}

export interface ChangeRow {
  readonly seq: number;
  readonly at: number;
  readonly workspace: string;
  readonly kind: string;
  readonly id: string;
  readonly signed_until: number | null;
}

export interface UsageRow {
  readonly token: string;
  readonly hour: number;
  readonly allowed: number;
  readonly denied: number;
}

interface QuotaRow {
  readonly key: string;
  readonly period: string;
  readonly used: number;
}

export interface CreditRow {
  readonly token: string;
  readonly remaining: number;
  readonly granted: number;
  readonly period: string;
  readonly added: number;
  readonly generation: number;
}

interface IdempotencyRow {
  readonly id: string;
  readonly request_hash: string;
  readonly status: number;
  readonly sealed: Uint8Array;
  readonly created_at: number;
}

interface NodeRow {
  readonly id: string;
  readonly seq: number;
  readonly at: number;
  readonly live_until: number;
}

export interface VerifierRow {
  readonly workspace: string;
  readonly token: string;
  readonly id: string;
  readonly seq: number;
  readonly live_until: number;
}

export interface KeyRow {
  readonly id: string;
  readonly workspace: string;
  readonly alg: string;
  readonly state: string;
  readonly origin: string;
  readonly public_jwk: string | null;
  readonly sealed: Uint8Array | null;
  readonly activated_at: number | null;
  readonly retired_at: number | null;
  readonly needed_until: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly version: number;
}

export interface IssuerRow {
  readonly id: string;
  readonly workspace: string;
  readonly api: string;
  readonly name: string;
  readonly issuer: string;
  readonly method: string;
  readonly sealed: Uint8Array | null;
  readonly rules: string;
  readonly enabled: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly version: number;
}

export interface ForeignRevocationRow {
  readonly id: string;
  readonly workspace: string;
  readonly issuer: string;
  readonly jti: string | null;
  readonly sub: string | null;
  readonly issued_before: number | null;
  readonly at: number;
  readonly until: number;
}

interface DataKeyRow {
  readonly id: string;
  readonly wrapped_by: string;
  readonly wrapped: Uint8Array;
  readonly created_at: number;
}

export interface Tables {
  readonly workspaces: WorkspaceRow;
  readonly apis: ApiRow;
  readonly roles: RoleRow;
  readonly owners: OwnerRow;
  readonly owner_roles: OwnerRoleRow;
  readonly tokens: TokenRow;
  readonly secrets: SecretRow;
  readonly audit: AuditRow;
  readonly audit_heads: AuditHeadRow;
  readonly changes: ChangeRow;
  readonly usage: UsageRow;
  readonly quotas: QuotaRow;
  readonly credits: CreditRow;
  readonly idempotency: IdempotencyRow;
  readonly workspace_prefixes: { readonly workspace: string; readonly prefix: string; readonly algorithm: string };
  readonly nodes: NodeRow;
  readonly proofs: { readonly id: string; readonly until: number };
  readonly verifiers: VerifierRow;
  readonly meta: { readonly key: string; readonly value: string };
  readonly data_keys: DataKeyRow;
  readonly keys: KeyRow;
  readonly issuers: IssuerRow;
  readonly foreign_revocations: ForeignRevocationRow;
}

export type Db = Kysely<Tables>;
