/** The whole decision without stopping at the first refusal, and without spending anything: why was this refused? */
import { refusedByScopes } from './authorization.ts';
import { decide } from './decide.ts';
import { type DenialCode, denials } from './denials.ts';
import { fault } from './fault.ts';
import type { MaybePromise } from './maybe-promise.ts';
import { refusedByAddress } from './policy/address.ts';
import { TOO_MANY_AT_ONCE, takePlaces } from './policy/concurrency.ts';
import type { Terms } from './policy/counting.ts';
import { takeQuotas } from './policy/quotas.ts';
import { takeLimits } from './policy/rates.ts';
import { refusedByRule } from './policy/rules.ts';
import { limitsOf, placesOf, quotasOf } from './policy/rules-of.ts';
import { judgeShadow } from './policy/shadow.ts';
import { policyOrder } from './policy.ts';
import type { Concurrency, Limiter, LimitOutcome, Ports, QuotaOutcome, Quotas, TokenFacts } from './ports.ts';
import type { Credential } from './presence.ts';
import type { Asked } from './requirement.ts';
import { condition, possession, recognise } from './validation.ts';
import type { Finding, Verdict } from './verdict.ts';

export interface Explanation {
  /** What `decide` would answer now. */
  readonly verdict: Verdict;
  /** Every check in order. Those that need a known token are `skipped` where there is none. */
  readonly findings: readonly Finding[];
}

const CHECKS_OF_A_KNOWN_TOKEN = ['condition', 'possession', 'scopes', ...policyOrder] as const;

/**
 * Judges everything and spends nothing. A proof of possession is single-use, and judging it would use it up: where one is
 * needed and presented, it is reported as `skipped`, and the verdict takes it for good.
 */
export async function explain(credential: Credential, asked: Asked, ports: Ports): Promise<Explanation> {
  const { limiter, quotas, concurrency, local, proofs } = ports;
  const dry: Ports = {
    ...ports,
    limiter: peekingRates(limiter),
    ...(quotas && { quotas: peekingQuotas(quotas) }),
    ...(concurrency && { concurrency: peekingPlaces(concurrency) }),
    ...(local && {
      local: {
        limiter: peekingRates(local.limiter),
        quotas: peekingQuotas(local.quotas),
        concurrency: peekingPlaces(local.concurrency),
      },
    }),
    ...(proofs && { proofs: { check: () => 'ok' } }),
  };
  const verdict = await decide(credential, asked, dry);
  return { verdict, findings: [PRESENT, ...(await findingsOf(credential, asked, dry))] };
}

const peekingRates = (limiter: Limiter): Limiter => ({ take: (rules, cost) => limiter.take(rules, cost, 'peek') });
const peekingQuotas = (quotas: Quotas): Quotas => ({ take: (rules, cost) => quotas.take(rules, cost, 'peek') });
const peekingPlaces = (places: Concurrency): Concurrency => ({ take: (rules) => places.take(rules, 'peek') });

async function findingsOf(credential: Credential, asked: Asked, ports: Ports): Promise<readonly Finding[]> {
  let facts: TokenFacts | undefined;
  const recognised = await found('recognised', ports, async () => {
    const known = await recognise(credential, asked.requirement, ports);
    if (typeof known === 'string') return { code: known };
    if (condition(known, asked.requirement, ports.clock.now()) === 'unknown') return { code: 'unknown' };
    facts = known;
    return NOTHING_WRONG;
  });
  return facts === undefined
    ? [recognised, ...CHECKS_OF_A_KNOWN_TOKEN.map(skipped)]
    : [recognised, ...(await findingsOfKnown(facts, credential, { asked, ports }))];
}

async function findingsOfKnown(
  facts: TokenFacts,
  credential: Credential,
  { asked, ports }: { readonly asked: Asked; readonly ports: Ports },
): Promise<readonly Finding[]> {
  const { requirement } = asked;
  const possessed = await found('possession', ports, async () => ({
    code: await possession(credential, facts, asked, ports),
  }));
  const isUnproved = facts.boundKey !== undefined && possessed.outcome === 'passed';
  const terms: Terms = { circumstances: asked.circumstances, ports, mode: 'peek' };
  const { shadowed } = await judgeShadow(facts, asked, terms);
  return [
    await found('condition', ports, () => ({ code: condition(facts, requirement, ports.clock.now()) })),
    isUnproved ? skipped('possession') : possessed,
    await found('scopes', ports, () => refusedByScopes(facts, requirement) ?? NOTHING_WRONG),
    await found('address', ports, () => refusedByAddress(facts, asked) ?? NOTHING_WRONG),
    await found('rules', ports, () => refusedByRule(facts, requirement) ?? NOTHING_WRONG),
    await found('concurrency', ports, async () => placed(await takePlaces(placesOf(facts, asked), terms))),
    await found('limits', ports, async () => spent('rate_limited', await takeLimits(limitsOf(facts, asked), terms))),
    await found('quotas', ports, async () => spent('quota_exceeded', await takeQuotas(quotasOf(facts, asked), terms))),
    ...shadowed.map(({ policy, code, detail }): Finding => {
      const { step, operator } = denials[code];
      return { step, check: policy, outcome: 'shadowed', code, detail: detail ?? operator };
    }),
  ];
}

interface Judgement {
  readonly code?: DenialCode | undefined;
  readonly detail?: string | undefined;
}

const NOTHING_WRONG: Judgement = Object.freeze({});

/** What a check says, or `fault` where it cannot tell. */
async function found(check: Check, ports: Ports, judge: () => MaybePromise<Judgement>): Promise<Finding> {
  try {
    return finding(check, await judge());
  } catch (error) {
    return finding(check, fault(error, ports));
  }
}

function placed({ allowed }: LimitOutcome): Judgement {
  return allowed ? NOTHING_WRONG : { code: 'rate_limited', detail: TOO_MANY_AT_ONCE };
}

function spent(code: DenialCode, { allowed, states, detail: why }: QuotaOutcome): Judgement {
  const names = states.filter((state) => state.retryAfterSeconds > 0).map((state) => state.name);
  const detail = why ?? (names.length === 0 ? undefined : `used up: ${names.join(', ')}`);
  return allowed ? { detail } : { code, detail };
}

const STEP_OF = {
  recognised: 'validation',
  condition: 'validation',
  possession: 'validation',
  scopes: 'authorization',
  address: 'policy',
  rules: 'policy',
  concurrency: 'policy',
  limits: 'policy',
  quotas: 'policy',
} as const;

type Check = keyof typeof STEP_OF;

const PRESENT: Finding = { step: 'presence', check: 'presence', outcome: 'passed', code: undefined, detail: undefined };

function finding(check: Check, { code, detail }: Judgement): Finding {
  const outcome = code === undefined ? 'passed' : 'refused';
  return { step: STEP_OF[check], check, outcome, code, detail: detail ?? (code && denials[code].operator) };
}

function skipped(check: Check): Finding {
  return { step: STEP_OF[check], check, outcome: 'skipped', code: undefined, detail: undefined };
}
