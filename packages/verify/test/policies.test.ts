/** Policies are judged in their order; what a request took is given back when a later one refuses; faults do what is written. */
import { describe, expect, it } from 'vitest';
import {
  addressRule,
  type Concurrency,
  type ConcurrencyRule,
  credentialOf,
  explain,
  type Held,
  type LimitRule,
  type OnFault,
  type PolicyFault,
  type Ports,
  type QuotaRule,
  type Quotas,
  type RequiredConcurrency,
  requirement,
  type Verdict,
} from '../src/index.ts';
import { counters } from './support/counters.ts';
import { asked, portsWith, type Question, verdictOf } from './support/ports.ts';
import { TOKEN } from './support/tokens.ts';

const LIMIT: LimitRule = { key: 'k', name: 'burst', limit: 1, windowSeconds: 60, burst: 1, cost: 1 };
const QUOTA: QuotaRule = { key: 'q', name: 'daily', limit: 1, period: 'day' };
const PLACE: RequiredConcurrency = { key: 'c', name: 'at-once', limit: 1, by: 'token' };
const BROKEN = new Error('does not answer');

/** Places, and how many of each key are held. */
function places(): Concurrency & { readonly held: Map<string, number> } {
  const held = new Map<string, number>();
  const add = (rules: readonly ConcurrencyRule[], by: number): void => {
    for (const { key } of rules) held.set(key, (held.get(key) ?? 0) + by);
  };
  return {
    held,
    take(rules, mode) {
      const allowed = rules.every(({ key, limit }) => (held.get(key) ?? 0) < limit);
      if (!allowed || mode === 'peek') return { allowed, states: [] };
      add(rules, 1);
      return { allowed, states: [], release: () => add(rules, -1) };
    },
  };
}

function refundable(): Quotas & { refunds: number } {
  const own = counters();
  const quotas = {
    refunds: 0,
    take: (rules: Parameters<Quotas['take']>[0], cost: number, mode: 'spend' | 'peek') => {
      const outcome = own.take(rules, cost, mode);
      if (outcome instanceof Promise || !outcome.allowed) return outcome;
      const refund = (): void => {
        quotas.refunds += 1;
      };
      return { ...outcome, refund };
    },
  };
  return quotas;
}

const broken = {
  take(): never {
    throw BROKEN;
  },
};

function heldOf(verdict: Verdict): Held | undefined {
  return verdict.valid ? verdict.held : undefined;
}

describe('a place of a concurrency limit', () => {
  const question: Question = { requirement: { concurrency: [PLACE] } };

  it('is held from the verdict until its end, and then free again', async () => {
    const ports = portsWith({}, { concurrency: places() });
    const first = await verdictOf(ports, question);
    expect(first.code).toBe('ok');
    const second = await verdictOf(ports, question);
    expect(second).toMatchObject({ code: 'rate_limited', detail: 'too many requests at once' });
    heldOf(first)?.end('keep');
    expect((await verdictOf(ports, question)).code).toBe('ok');
  });

  it.each<[string, Partial<Ports>, Parameters<typeof portsWith>[0], string]>([
    ['a rate refuses', {}, { limits: [{ ...LIMIT, cost: 2 }] }, 'rate_limited'],
    ['a quota refuses', { quotas: counters() }, { quotas: [{ ...QUOTA, limit: 0 }] }, 'quota_exceeded'],
    ['rates cannot be judged', { limiter: broken }, { limits: [LIMIT] }, 'fault'],
    ['quotas reject', { quotas: { take: () => Promise.reject(BROKEN) } }, { quotas: [QUOTA] }, 'fault'],
  ])('is given back where %s', async (_, parts, facts, code) => {
    const concurrency = places();
    const verdict = await verdictOf(portsWith(facts, { concurrency, ...parts }), question);
    expect(verdict.code).toBe(code);
    expect([...concurrency.held.values()]).toEqual([0]);
  });

  it('is not asked for where address or kind refuse', async () => {
    const ports = portsWith({}, { concurrency: broken });
    const addresses = [addressRule('route', { deny: ['10.0.0.5'] })];
    const refusedBy = async (more: Partial<Question['requirement']>) =>
      verdictOf(ports, {
        requirement: { ...question.requirement, ...more },
        circumstances: { address: '10.0.0.5' },
      });
    expect((await refusedBy({ addresses })).code).toBe('ip_denied');
    expect((await refusedBy({ kinds: ['session'] })).code).toBe('policy_denied');
    expect((await refusedBy({})).code).toBe('fault');
  });

  it.each([
    ['token', 'c|tok_1'],
    ['owner', 'c|own_1'],
    ['api', 'c|api_1'],
    ['address', 'c|10.0.0.5'],
    ['route', 'c'],
  ] as const)('counts by %s', async (by, key) => {
    const concurrency = places();
    await verdictOf(portsWith({}, { concurrency }), {
      requirement: { concurrency: [{ ...PLACE, by }] },
      circumstances: { address: '10.0.0.5' },
    });
    expect([...concurrency.held]).toEqual([[key, 1]]);
  });

  it('needs a port: without one the request is refused as a fault', async () => {
    expect((await verdictOf(portsWith({}), question)).code).toBe('fault');
  });

  it('is told by explain, which takes none', async () => {
    const concurrency = places();
    const ports = portsWith({}, { concurrency });
    const held = await verdictOf(ports, question);
    const { verdict, findings } = await explain(credentialOf(TOKEN), asked(question), ports);
    expect(verdict.code).toBe('rate_limited');
    expect(findings.find(({ check }) => check === 'concurrency')).toMatchObject({
      outcome: 'refused',
      code: 'rate_limited',
      detail: 'too many requests at once',
    });
    heldOf(held)?.end('keep');
    expect((await explain(credentialOf(TOKEN), asked(question), ports)).verdict.code).toBe('ok');
    expect([...concurrency.held.values()]).toEqual([0]);
  });
});

describe('what was spent of a quota', () => {
  it('is given back only where the request was not served', async () => {
    const quotas = refundable();
    const ports = portsWith({ quotas: [{ ...QUOTA, limit: 9 }] }, { quotas });
    heldOf(await verdictOf(ports))?.end('keep');
    expect(quotas.refunds).toBe(0);
    heldOf(await verdictOf(ports))?.end('refund');
    expect(quotas.refunds).toBe(1);
  });

  it('leaves a request without place and quota with nothing to end', async () => {
    const verdict = await verdictOf(portsWith({ limits: [LIMIT] }));
    expect(verdict.code).toBe('ok');
    expect(heldOf(verdict)).toBeUndefined();
  });
});

describe('a policy that cannot be judged', () => {
  const local = { limiter: counters(), quotas: counters(), concurrency: places() };
  const judged = async (kind: PolicyFault['policy'], modes: readonly OnFault[], parts: Partial<Ports> = { local }) => {
    const faults: PolicyFault[] = [];
    const rules = modes.map((onFault, index) => ({ onFault, key: `${kind}-${index}`, name: `${index}` }));
    const facts = {
      limits: kind === 'limits' ? rules.map((rule) => ({ ...LIMIT, ...rule })) : [],
      quotas: kind === 'quotas' ? rules.map((rule) => ({ ...QUOTA, ...rule })) : [],
    };
    const concurrency = kind === 'concurrency' ? rules.map((rule) => ({ ...PLACE, ...rule })) : [];
    const all = { limiter: broken, quotas: broken, concurrency: broken };
    const ports = portsWith(facts, { ...all, ...parts, onPolicyFault: (fault) => faults.push(fault) });
    const { code } = await verdictOf(ports, { requirement: { concurrency } });
    return { code, faults: faults.map(({ policy, mode, error }) => [policy, mode, error]) };
  };

  it.each(['limits', 'quotas', 'concurrency'] as const)('refuses, passes or is counted here: %s', async (kind) => {
    expect(await judged(kind, ['closed'])).toEqual({ code: 'fault', faults: [[kind, 'closed', BROKEN]] });
    expect(await judged(kind, ['open'])).toEqual({ code: 'ok', faults: [[kind, 'open', BROKEN]] });
    expect(await judged(kind, ['local'])).toEqual({ code: 'ok', faults: [[kind, 'local', BROKEN]] });
    const refused = kind === 'quotas' ? 'quota_exceeded' : 'rate_limited';
    expect(await judged(kind, ['local'])).toEqual({ code: refused, faults: [[kind, 'local', BROKEN]] });
  });

  it('refuses where one of several rules is closed, also where that is not written', async () => {
    expect((await judged('quotas', ['open', 'closed', 'local'])).code).toBe('fault');
    const ports = portsWith(
      {
        quotas: [
          { ...QUOTA, onFault: 'open' },
          { ...QUOTA, key: 'r' },
        ],
      },
      { quotas: broken },
    );
    expect((await verdictOf(ports)).code).toBe('fault');
  });

  it('counts the local ones of several that pass', async () => {
    expect((await judged('quotas', ['open', 'local'])).code).toBe('ok');
    expect((await judged('quotas', ['open', 'local'])).code).toBe('quota_exceeded');
  });

  it('refuses local rules where nothing can count here', async () => {
    expect((await judged('limits', ['local'], {})).code).toBe('fault');
  });

  it('is judged so when it rejects later, too', async () => {
    const quotas = { take: () => Promise.reject(BROKEN) };
    expect((await judged('quotas', ['open'], { quotas })).code).toBe('ok');
    expect((await judged('quotas', ['closed'], { quotas })).code).toBe('fault');
  });
});

describe('a policy in shadow mode', () => {
  const shadowed = async (ports: Ports, shadow: Question['requirement'], more: Question['requirement'] = {}) => {
    const verdict = await verdictOf(ports, {
      requirement: { ...more, shadow: requirement(shadow ?? {}) },
      circumstances: { address: '10.0.0.5' },
    });
    return verdict.valid ? verdict.shadowed.map(({ policy, code }) => `${policy}:${code}`) : verdict.code;
  };

  it('never refuses, and tells all that it would have refused', async () => {
    const ports = portsWith({}, { concurrency: places() });
    const all = {
      audience: 'https://another.test',
      scopes: ['orders:delete'],
      kinds: ['session'],
      addresses: [addressRule('route', { deny: ['10.0.0.5'] })],
      limits: [{ ...LIMIT, by: 'token', cost: 2 }],
      quotas: [{ ...QUOTA, by: 'owner', limit: 0 }],
      concurrency: [{ ...PLACE, limit: 0 }],
    } as const;
    expect(await shadowed(ports, all)).toEqual([
      'require:wrong_audience',
      'require:insufficient_scope',
      'ip:ip_denied',
      'require:policy_denied',
      'concurrency:rate_limited',
      'limits:rate_limited',
      'quotas:quota_exceeded',
    ]);
    expect(await shadowed(ports, {})).toEqual([]);
  });

  it('counts what passes as if it were enforced, each rule by itself', async () => {
    const limits = [
      { ...LIMIT, by: 'token', limit: 2 },
      { ...LIMIT, by: 'token', key: 'wide', limit: 9 },
    ] as const;
    const limiter = counters();
    const ports = portsWith({}, { limiter });
    for (const expected of [[], [], ['limits:rate_limited'], ['limits:rate_limited']])
      expect(await shadowed(ports, { limits })).toEqual(expected);
    expect([...limiter.spent.values()]).toEqual([2, 4]);
  });

  it('holds places and gives back quotas as if it were enforced', async () => {
    const concurrency = places();
    const quotas = refundable();
    const ports = portsWith({}, { concurrency, quotas });
    const shadow = requirement({ concurrency: [PLACE], quotas: [{ ...QUOTA, by: 'token' }] });
    const verdict = await verdictOf(ports, { requirement: { shadow } });
    expect([...concurrency.held.values()]).toEqual([1]);
    heldOf(verdict)?.end('refund');
    expect([...concurrency.held.values(), quotas.refunds]).toEqual([0, 1]);
  });

  it('is not asked where something else refuses, and counts nothing then', async () => {
    const limiter = counters();
    const ports = portsWith({}, { limiter });
    const shadow = { limits: [{ ...LIMIT, by: 'token' }] } as const;
    expect(await shadowed(ports, shadow, { scopes: ['orders:delete'] })).toBe('insufficient_scope');
    expect([...limiter.spent]).toEqual([]);
  });

  it('that cannot be judged lets pass and says so, whatever its failure mode', async () => {
    const ports = portsWith({}, { quotas: broken });
    expect(await shadowed(ports, { quotas: [{ ...QUOTA, by: 'token' }] })).toEqual(['quotas:fault']);
  });

  it('may be of the token: its other limits refuse all the same', async () => {
    const shadow = { limits: [{ ...LIMIT, key: 's', limit: 1 }], quotas: [] };
    const ports = portsWith({ shadow, limits: [{ ...LIMIT, limit: 2 }] });
    expect(await shadowed(ports, {})).toEqual([]);
    expect(await shadowed(ports, {})).toEqual(['limits:rate_limited']);
    expect(await shadowed(ports, {})).toBe('rate_limited');
  });

  it('is told by explain as shadowed, and spends nothing for it', async () => {
    const limiter = counters();
    const ports = portsWith({}, { limiter });
    const limits = [{ ...LIMIT, by: 'token' as const, cost: 2 }];
    const question: Question = { requirement: { shadow: requirement({ limits, scopes: ['orders:delete'] }) } };
    const { verdict, findings } = await explain(credentialOf(TOKEN), asked(question), ports);
    expect(verdict.code).toBe('ok');
    expect(findings.filter(({ outcome }) => outcome === 'shadowed')).toEqual([
      {
        step: 'authorization',
        check: 'require',
        outcome: 'shadowed',
        code: 'insufficient_scope',
        detail: 'missing scope: orders:delete',
      },
      { step: 'policy', check: 'limits', outcome: 'shadowed', code: 'rate_limited', detail: 'used up: burst' },
    ]);
    expect([...limiter.spent]).toEqual([]);
  });
});
