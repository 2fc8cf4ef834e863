/**
 * The facts of a token as JSON: what a server tells a verifier, which then decides as the server would. No digest is part of
 * it: the verifier knows the one that it asked about. Times are milliseconds since the epoch, and `null` is "none".
 */
import { type AddressLists, addressRuleOnUse, isAddressRange, type ListedAddresses } from '../addresses.ts';
import type { DigestKey } from '../digest.ts';
import type { BudgetRule, CreditRule, LimitRule, QuotaRule, TokenFacts } from '../ports.ts';
import type { Foreign } from '../verdict.ts';
import {
  list,
  object,
  oneOf,
  optional,
  orNone,
  type Read,
  text,
  truth,
  UnreadableFacts,
  whole,
} from './strict-reader.ts';

type Counted<Limits, Quotas> = { readonly limits: Limits; readonly quotas: Quotas };
type Rules = Counted<readonly LimitRule[], readonly BudgetRule[]>;

/** `T | undefined` as `T | null`: JSON has no undefined. */
type OrNull<T> = Exclude<T, undefined> | null;

export interface FactsOnWire
  extends Pick<TokenFacts, 'id' | 'kind' | 'name' | 'workspace' | 'api' | 'environment' | 'scopes' | 'enabled'>,
    Rules {
  readonly owner: OrNull<TokenFacts['owner']>;
  readonly secret: { readonly state: TokenFacts['secret']['state']; readonly until: number | null };
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly notBefore: number | null;
  readonly addresses: readonly AddressesOnWire[];
  readonly boundKey: string | null;
  readonly shadow?: Rules;
  readonly parents?: readonly string[];
  readonly client?: string;
  readonly session?: string;
  readonly kid?: string;
  readonly clockSkewMs?: number;
  readonly foreign?: Foreign;
}

export interface AddressesOnWire extends AddressLists {
  readonly label: string;
}

/** As a server tells it. */
export function factsToWire(facts: TokenFacts): FactsOnWire {
  const { owner, secret, expiresAt, revokedAt, notBefore, addresses, boundKey, ...same } = facts;
  return {
    ...same,
    owner: owner ?? null,
    secret: { state: secret.state, until: secret.until ?? null },
    expiresAt: expiresAt ?? null,
    revokedAt: revokedAt ?? null,
    notBefore: notBefore ?? null,
    addresses: addresses.map(({ label, lists }) => ({ label, ...lists })),
    boundKey: boundKey ?? null,
  };
}

/**
 * The facts of the token that has a secret with this digest, from an answer of the server.
 *
 * @throws UnreadableFacts where anything is missing, of another type or unknown: what is not understood is not judged by
 */
export function factsFromWire(value: unknown, digest: DigestKey): TokenFacts {
  const { owner, secret, expiresAt, revokedAt, notBefore, boundKey, ...same } = wire(value, '');
  // Without its end, a secret that was replaced would never end.
  if (secret.state === 'retiring' && secret.until === undefined)
    throw new UnreadableFacts('/secret/until: must be the end of a retiring secret');
  return {
    ...same,
    owner,
    secret: { key: digest, state: secret.state, until: secret.until },
    expiresAt,
    revokedAt,
    notBefore,
    boundKey,
  };
}

const time = orNone(whole(0));
const onFault = optional(oneOf('closed', 'open', 'local'));
const period = oneOf('day', 'month');

const limit: Read<LimitRule> = object<LimitRule>({
  key: text,
  name: text,
  limit: whole(1),
  windowSeconds: whole(1),
  burst: whole(1),
  cost: whole(1),
  mode: optional(oneOf('exact', 'approximate')),
  onFault,
});

const quota = object<QuotaRule>({
  kind: optional(oneOf('quota')),
  key: text,
  name: text,
  limit: whole(1),
  period,
  onFault,
});

const credits = object<Omit<CreditRule, 'refill'> & { readonly refill?: CreditRule['refill'] }>({
  kind: oneOf('credits'),
  key: text,
  name: text,
  refill: optional(object({ amount: whole(1), period })),
  onFault: optional(oneOf('closed')),
});

const budget: Read<BudgetRule> = (value, at) => {
  const isCredits = typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'credits';
  if (!isCredits) return quota(value, at);
  const { refill, ...rest } = credits(value, at);
  return { ...rest, refill };
};

const rules = { limits: list(limit), quotas: list(budget) };

const lists = object<AddressesOnWire>({ label: text, allow: optional(list(text)), deny: optional(list(text)) });

const addresses: Read<ListedAddresses> = (value, at) => {
  const { label, ...ranges } = lists(value, at);
  for (const list of [ranges.allow, ranges.deny])
    if (list?.every(isAddressRange) === false) throw new UnreadableFacts(`${at}: must be addresses and CIDR ranges`);
  // Compiled once for all tokens that have it (see `shared-parts`): the rules of a role come with each token of its owners.
  return addressRuleOnUse(label, ranges);
};

type ReadFacts = Omit<TokenFacts, 'secret'> & { readonly secret: Omit<TokenFacts['secret'], 'key'> };

const wire = object<ReadFacts>({
  id: text,
  kind: oneOf('api_key', 'personal_access_token', 'access_token', 'refresh_token', 'session'),
  name: text,
  workspace: object({ id: text, enabled: truth }),
  owner: orNone(object({ id: text, type: oneOf('user', 'service', 'customer'), roles: list(text), enabled: truth })),
  api: object({ id: text, audience: text }),
  environment: oneOf('live', 'test'),
  scopes: list(text),
  expiresAt: time,
  secret: object({ state: oneOf('active', 'pending', 'retiring'), until: time }),
  enabled: truth,
  revokedAt: time,
  notBefore: time,
  ...rules,
  shadow: optional(object<Rules>(rules)),
  addresses: list(addresses),
  boundKey: orNone(text),
  parents: optional(list(text)),
  client: optional(text),
  session: optional(text),
  kid: optional(text),
  clockSkewMs: optional(whole(0)),
  foreign: optional(object({ trust: text, issuer: text, subject: text })),
});
