/** Where several denials apply, the first in the order of the table is told. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressRule,
  credentialOf,
  type DenialCode,
  denialCodes,
  explain,
  type Ports,
  type Requirement,
  type TokenFacts,
} from '../src/index.ts';
import { asked, codeOf, portsOf, portsWith } from './support/ports.ts';
import { NOW, OTHER_TOKEN, TOKEN } from './support/tokens.ts';

interface Defect {
  readonly text?: string;
  readonly facts?: Partial<TokenFacts>;
  readonly requirement?: Partial<Requirement>;
  readonly ports?: Partial<Ports>;
}

const NO_LIMIT = { key: 'k', name: 'k', limit: 0, windowSeconds: 1, burst: 0, cost: 1 };
const OWNER = { id: 'own_1', type: 'user', roles: [] } as const;

/** One way to earn each code that can be combined with the others. */
const DEFECTS: Partial<Record<DenialCode, Defect>> = {
  malformed: { text: 'no token' },
  unknown: { text: OTHER_TOKEN },
  revoked: { facts: { revokedAt: NOW - 1 } },
  suspended: { facts: { workspace: { id: 'ws_1', enabled: false } } },
  disabled: { facts: { enabled: false } },
  owner_disabled: { facts: { owner: { ...OWNER, enabled: false } } },
  rotated: { facts: { secret: { key: '' as TokenFacts['secret']['key'], state: 'retiring', until: NOW } } },
  expired: { facts: { expiresAt: NOW } },
  not_yet_valid: { facts: { notBefore: NOW + 1 } },
  wrong_audience: { requirement: { audience: 'https://other.example.test' } },
  wrong_environment: { requirement: { environment: 'test' } },
  proof_required: { requirement: { proof: true } },
  insufficient_scope: { requirement: { scopes: ['orders:delete'] } },
  ip_denied: { facts: { addresses: [addressRule('token', { allow: ['10.0.0.0/8'] })] } },
  policy_denied: { requirement: { kinds: ['session'] } },
  rate_limited: { facts: { limits: [NO_LIMIT] } },
  quota_exceeded: { facts: { quotas: [{ key: 'q', name: 'q', limit: 0, period: 'day' }] } },
};
const CODES = denialCodes.filter((code) => DEFECTS[code] !== undefined);

describe('of several denials', () => {
  it('the first of the table is told', async () => {
    const someOfThem = fc.shuffledSubarray(CODES, { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(someOfThem, async (codes) => {
        const { ports, question } = combined(codes);
        const first = denialCodes.find((code) => codes.includes(code));
        expect(await codeOf(ports, question)).toBe(first);
        const explained = await explain(question.credential, asked(question), ports);
        expect(explained.verdict.code).toBe(first);
        expect(explained.findings.find(({ outcome }) => outcome === 'refused')?.code).toBe(first);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(CODES)('%s alone is told', async (code) => {
    const { ports, question } = combined([code]);
    expect(await codeOf(ports, question)).toBe(code);
  });

  it('none leaves the request allowed', async () => {
    expect(await codeOf(portsOf())).toBe('ok');
  });

  it('a fault is told only where nothing before it refuses', async () => {
    const { ports, question } = combined(['rate_limited']);
    const faulty = { ...ports, limiter: { take: () => Promise.reject(new Error('no answer')) } };
    expect(await codeOf(faulty, question)).toBe('fault');
    const scoped = { ...question, requirement: { scopes: ['orders:delete'] } };
    expect(await codeOf(faulty, scoped)).toBe('insufficient_scope');
  });
});

function combined(codes: readonly DenialCode[]) {
  const defects = codes.map((code) => DEFECTS[code] ?? {});
  const facts = Object.assign({}, ...defects.map((defect) => defect.facts)) as Partial<TokenFacts>;
  const wanted = Object.assign({}, ...defects.map((defect) => defect.requirement)) as Partial<Requirement>;
  const text = codes.includes('malformed') ? DEFECTS.malformed?.text : defects.find((defect) => defect.text)?.text;
  return {
    ports: portsWith(facts),
    question: { credential: credentialOf(text ?? TOKEN), requirement: wanted },
  };
}
