/** The whole decision without stopping at the first refusal, and without spending anything: why was this refused? */
import { missingScopes } from './authorization.ts';
import { decide } from './decide.ts';
import { type DenialCode, denials } from './denials.ts';
import { refusedByAddress, refusedByRule, takeLimits, takeQuotas } from './policy.ts';
import type { LimitOutcome, Ports, TokenFacts } from './ports.ts';
import type { Credential } from './presence.ts';
import type { Circumstances, Requirement } from './requirement.ts';
import { condition, possession, recognise } from './validation.ts';
import type { Finding, Verdict } from './verdict.ts';

type Asked = { readonly requirement: Requirement; readonly circumstances: Circumstances };

export interface Explanation {
  /** What `decide` would answer now. */
  readonly verdict: Verdict;
  /** Every check in order. Those that need a known token are `skipped` where there is none. */
  readonly findings: readonly Finding[];
}

const CHECKS_OF_A_KNOWN_TOKEN = ['condition', 'possession', 'scopes', 'address', 'rules', 'limits', 'quotas'] as const;

/**
 * Judges everything and spends nothing. A proof of possession is single-use and is not consumed here either: it is
 * reported as `skipped` when one is presented.
 */
export async function explain(credential: Credential, asked: Asked, ports: Ports): Promise<Explanation> {
  const dry: Ports = {
    ...ports,
    limiter: { take: (rules, cost) => ports.limiter.take(rules, cost, 'peek') },
    ...(ports.quotas && { quotas: dryQuotas(ports.quotas) }),
    proofs: { check: () => 'ok' },
  };
  const verdict = await decide(credential, asked, dry);
  try {
    return { verdict, findings: await findingsOf(credential, asked, dry) };
  } catch (error) {
    ports.onFault?.(error);
    return { verdict, findings: [finding('recognised', 'fault')] };
  }
}

function dryQuotas(quotas: NonNullable<Ports['quotas']>): NonNullable<Ports['quotas']> {
  return { take: (rules, cost) => quotas.take(rules, cost, 'peek') };
}

async function findingsOf(credential: Credential, asked: Asked, ports: Ports): Promise<readonly Finding[]> {
  const found = await recognise(credential, ports);
  const presence: Finding = {
    step: 'presence',
    check: 'presence',
    outcome: 'passed',
    code: undefined,
    detail: undefined,
  };
  if (typeof found === 'string' || condition(found, asked.requirement, ports.clock.now()) === 'unknown') {
    const code = typeof found === 'string' ? found : 'unknown';
    return [presence, finding('recognised', code), ...CHECKS_OF_A_KNOWN_TOKEN.map(skipped)];
  }
  return [presence, finding('recognised', undefined), ...(await findingsOfKnown(found, credential, { asked, ports }))];
}

async function findingsOfKnown(
  facts: TokenFacts,
  credential: Credential,
  { asked, ports }: { readonly asked: Asked; readonly ports: Ports },
): Promise<readonly Finding[]> {
  const now = ports.clock.now();
  const proof = await possession(credential, facts, { ...asked, now }, ports);
  const missing = missingScopes(facts, asked.requirement);
  const address = refusedByAddress(facts, asked);
  const rule = refusedByRule(facts, asked.requirement);
  const limits = await takeLimits(facts, asked, ports, 'peek');
  const quotas = await takeQuotas(facts, asked, ports, 'peek');
  const unproved = facts.boundKey !== undefined && proof === undefined;
  return [
    finding('condition', condition(facts, asked.requirement, now)),
    unproved ? skipped('possession') : finding('possession', proof),
    finding(
      'scopes',
      missing.length > 0 ? 'insufficient_scope' : undefined,
      missing.length > 0 ? `missing scope: ${missing.join(' ')}` : undefined,
    ),
    finding('address', address?.code, address?.detail),
    finding('rules', rule?.code, rule?.detail),
    finding('limits', limits.allowed ? undefined : 'rate_limited', exhausted(limits)),
    finding('quotas', quotas.allowed ? undefined : 'quota_exceeded', exhausted(quotas)),
  ];
}

function exhausted(outcome: LimitOutcome): string | undefined {
  const names = outcome.states.filter((state) => state.retryAfterSeconds > 0).map((state) => state.name);
  return names.length === 0 ? undefined : `used up: ${names.join(', ')}`;
}

const STEP_OF = {
  recognised: 'validation',
  condition: 'validation',
  possession: 'validation',
  scopes: 'authorization',
  address: 'policy',
  rules: 'policy',
  limits: 'policy',
  quotas: 'policy',
} as const;

function finding(check: keyof typeof STEP_OF, code: DenialCode | undefined, detail?: string): Finding {
  const outcome = code === undefined ? 'passed' : 'refused';
  return { step: STEP_OF[check], check, outcome, code, detail: detail ?? (code && denials[code].operator) };
}

function skipped(check: keyof typeof STEP_OF): Finding {
  return { step: STEP_OF[check], check, outcome: 'skipped', code: undefined, detail: undefined };
}
