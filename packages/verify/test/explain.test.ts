/** `explain` judges everything, tells every finding and spends nothing. */
import { describe, expect, it } from 'vitest';
import {
  addressRule,
  credentialOf,
  explain,
  type Finding,
  memoryReplays,
  type Ports,
  policyOrder,
} from '../src/index.ts';
import { dpopProofs } from '../src/jose.ts';
import { counters } from './support/counters.ts';
import { asked, codeOf, portsWith, type Question } from './support/ports.ts';
import { dpopProof, METHOD, signer, thumbprint, URL } from './support/signing.ts';
import { NOW, OTHER_TOKEN, TOKEN } from './support/tokens.ts';

const LIMIT = { key: 'k', name: 'burst', limit: 1, windowSeconds: 60, burst: 1, cost: 1 };
const QUOTA = { key: 'q', name: 'daily', limit: 1, period: 'day' } as const;
const CHECKS = ['presence', 'recognised', 'condition', 'possession', 'scopes', ...policyOrder];

describe('explain', () => {
  it('tells every check of a token that passes', async () => {
    const { verdict, findings } = await explained(portsWith({}));
    expect(verdict.code).toBe('ok');
    expect(findings.map(({ check }) => check)).toEqual(CHECKS);
    expect(findings.map(({ outcome }) => outcome)).toEqual(CHECKS.map(() => 'passed'));
    expect(new Set(findings.map(({ step }) => step))).toEqual(
      new Set(['presence', 'validation', 'authorization', 'policy']),
    );
  });

  it('tells each of several refusals, and why', async () => {
    const limiter = counters();
    const quotas = counters();
    const facts = { expiresAt: NOW, limits: [LIMIT], quotas: [QUOTA] };
    await limiter.take([LIMIT], 1, 'spend');
    await quotas.take([QUOTA], 1, 'spend');
    const { verdict, findings } = await explained(portsWith(facts, { limiter, quotas }), {
      requirement: {
        scopes: ['orders:delete'],
        kinds: ['session'],
        proof: true,
        addresses: [addressRule('route', { deny: ['10.0.0.5'] })],
      },
      circumstances: { address: '10.0.0.5' },
    });
    expect(verdict.code).toBe('expired');
    expect(refusals(findings)).toEqual([
      ['validation', 'condition', 'expired', 'The token is past its expiry.'],
      [
        'validation',
        'possession',
        'proof_required',
        'The token is bound to a key and no proof came with it, or the route requires a bound token or a client certificate.',
      ],
      ['authorization', 'scopes', 'insufficient_scope', 'missing scope: orders:delete'],
      ['policy', 'address', 'ip_denied', 'route: the client address is denied'],
      ['policy', 'rules', 'policy_denied', 'kind api_key is not admitted'],
      ['policy', 'limits', 'rate_limited', 'used up: burst'],
      ['policy', 'quotas', 'quota_exceeded', 'used up: daily'],
    ]);
  });

  it.each([
    ['malformed', credentialOf('no token'), {}],
    ['unknown', credentialOf(OTHER_TOKEN), {}],
    ['unknown', credentialOf(TOKEN), { workspace: 'ws_2' }],
  ])('tells nothing of a token that is %s', async (code, credential, requirement) => {
    const { verdict, findings } = await explained(portsWith({ enabled: false }), { credential, requirement });
    expect(verdict).toMatchObject({ code, principal: undefined });
    expect(findings.map(({ check, outcome }) => `${check} ${outcome}`)).toEqual([
      'presence passed',
      'recognised refused',
      ...CHECKS.slice(2).map((check) => `${check} skipped`),
    ]);
  });

  it('spends nothing of limits and quotas', async () => {
    const limiter = counters();
    const quotas = counters();
    const ports = portsWith({ limits: [LIMIT], quotas: [QUOTA] }, { limiter, quotas });
    for (let time = 0; time < 3; time += 1) expect((await explained(ports)).verdict.code).toBe('ok');
    expect([...limiter.spent, ...quotas.spent]).toEqual([]);
    expect(await codeOf(ports)).toBe('ok');
    expect((await explained(ports)).verdict.code).toBe('rate_limited');
  });

  it('does not use up a proof of possession', async () => {
    const holder = signer('ES256');
    const clock = { now: () => NOW };
    const replays = memoryReplays({ clock });
    const ports = portsWith({ boundKey: await thumbprint(holder) }, { proofs: dpopProofs({ replays }) });
    const circumstances = { proof: dpopProof(holder, TOKEN), method: METHOD, url: URL };
    const { findings } = await explained(ports, { circumstances });
    expect(findings.find(({ check }) => check === 'possession')?.outcome).toBe('skipped');
    expect(replays.size).toBe(0);
    expect(await codeOf(ports, { circumstances })).toBe('ok');
  });

  it.each<[string, Partial<Ports>, string]>([
    ['store', { tokens: { known: () => undefined, find: fail, imported: () => [] } }, 'recognised'],
    ['limiter', { limiter: { take: fail } }, 'limits'],
    ['quotas', { quotas: { take: fail } }, 'quotas'],
  ])('names the check whose port cannot answer: %s', async (_, parts, check) => {
    const { verdict, findings } = await explained(portsWith({ limits: [LIMIT], quotas: [QUOTA] }, parts));
    expect(verdict.code).toBe('fault');
    expect(refusals(findings).map(([, name, code]) => [name, code])).toEqual([[check, 'fault']]);
  });

  it('of a bound token without a port for proofs is a fault', async () => {
    const circumstances = { proof: 'x', method: METHOD, url: URL };
    const { verdict, findings } = await explained(portsWith({ boundKey: 'thumbprint' }), { circumstances });
    expect(verdict.code).toBe('fault');
    expect(refusals(findings).map(([, name, code]) => [name, code])).toEqual([['possession', 'fault']]);
  });
});

function explained(ports: Ports, question: Question = {}) {
  return explain(question.credential ?? credentialOf(TOKEN), asked(question), ports);
}

function refusals(findings: readonly Finding[]) {
  return findings
    .filter(({ outcome }) => outcome === 'refused')
    .map(({ step, check, code, detail }) => [step, check, code, detail]);
}

function fail(): never {
  throw new Error('the port cannot answer');
}
