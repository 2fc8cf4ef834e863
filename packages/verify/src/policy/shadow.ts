/**
 * Policies in shadow mode: tried out on what all others let pass. They are judged and counted like any other, each by
 * itself, and never refuse: what one would have refused, or could not judge, is told in the verdict.
 */
import { refusedByScopes } from '../authorization.ts';
import type { DenialCode } from '../denials.ts';
import { both } from '../held.ts';
import { chain, type MaybePromise } from '../maybe-promise.ts';
import type { ConcurrencyOutcome, LimitOutcome, QuotaOutcome, TokenFacts } from '../ports.ts';
import { type Asked, requirement } from '../requirement.ts';
import { condition } from '../validation.ts';
import type { Held, Shadowed, ShadowPolicy } from '../verdict.ts';
import { addressRefusal } from './address.ts';
import { TOO_MANY_AT_ONCE, takePlaces } from './concurrency.ts';
import type { Terms } from './counting.ts';
import { takeQuotas } from './quotas.ts';
import { takeLimits } from './rates.ts';
import { refusedByRule } from './rules.ts';
import { limitsOf, placesOf, quotasOf } from './rules-of.ts';

export interface Shade {
  readonly shadowed: readonly Shadowed[];
  readonly held: Held | undefined;
}

/** Never throws or rejects. */
export function judgeShadow(facts: TokenFacts, asked: Asked, terms: Terms): MaybePromise<Shade> {
  const shadow = asked.requirement.shadow ?? NOTHING;
  // The parts of the token that are tried out, and those of the asker.
  const tried = { ...facts, ...(facts.shadow ?? NOTHING) };
  const trial = { requirement: shadow, circumstances: asked.circumstances };
  let shade: MaybePromise<Shade> = { shadowed: refusalsOf(facts, trial, terms), held: undefined };
  // Each rule alone: one that would refuse must not keep the others from counting.
  for (const rule of placesOf(tried, trial)) shade = after(shade, 'concurrency', () => takePlaces([rule], terms));
  for (const rule of limitsOf(tried, trial)) shade = after(shade, 'limits', () => takeLimits([rule], terms));
  for (const rule of quotasOf(tried, trial)) shade = after(shade, 'quotas', () => takeQuotas([rule], terms));
  return shade;
}

const NOTHING = requirement({});

/** What is judged without counting. What the token's own state and rules say is judged elsewhere, and is no shadow's. */
function refusalsOf(facts: TokenFacts, trial: Asked, { ports }: Terms): readonly Shadowed[] {
  const asked = trial.requirement;
  const found: Shadowed[] = [];
  const now = ports.clock.now();
  const code = condition(facts, asked, now);
  if (code !== undefined && code !== condition(facts, NOTHING, now))
    found.push({ policy: 'require', code, detail: undefined });
  const scopes = refusedByScopes(facts, asked);
  if (scopes !== undefined) found.push({ policy: 'require', code: scopes.code, detail: scopes.detail });
  const address = addressRefusal(asked.addresses, trial.circumstances.address);
  if (address !== undefined) found.push({ policy: 'ip', code: 'ip_denied', detail: address });
  const rule = refusedByRule(facts, asked);
  if (rule !== undefined) found.push({ policy: 'require', code: rule.code, detail: rule.detail });
  return found;
}

const CODES = {
  concurrency: 'rate_limited',
  limits: 'rate_limited',
  quotas: 'quota_exceeded',
} as const satisfies Partial<Record<ShadowPolicy, DenialCode>>;

type Outcome = LimitOutcome & ConcurrencyOutcome & QuotaOutcome;

/** One more rule, judged after those before it. */
function after(
  shade: MaybePromise<Shade>,
  policy: keyof typeof CODES,
  take: () => MaybePromise<Outcome>,
): MaybePromise<Shade> {
  return chain(shade, ({ shadowed, held }) =>
    chain(answered(take), (outcome): Shade => {
      if (outcome === undefined) return { shadowed: [...shadowed, { policy, code: 'fault', detail: undefined }], held };
      const { allowed, states, release, refund } = outcome;
      if (allowed) return { shadowed, held: both(held, heldOf(release, refund)) };
      const named = `used up: ${states.map(({ name }) => name).join(', ')}`;
      const detail = policy === 'concurrency' ? TOO_MANY_AT_ONCE : (outcome.detail ?? named);
      return { shadowed: [...shadowed, { policy, code: CODES[policy], detail }], held };
    }),
  );
}

/** Undefined where it cannot be told; that it could not was told to whoever hears of faults of policies. */
function answered(take: () => MaybePromise<Outcome>): MaybePromise<Outcome | undefined> {
  try {
    const outcome = take();
    return outcome instanceof Promise ? outcome.catch(() => undefined) : outcome;
  } catch {
    return undefined;
  }
}

function heldOf(release: (() => void) | undefined, refund: (() => void) | undefined): Held | undefined {
  if (release === undefined && refund === undefined) return undefined;
  return {
    end(how) {
      release?.();
      if (how === 'refund') refund?.();
    },
  };
}
