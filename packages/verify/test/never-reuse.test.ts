/** One token, asked about in many ways: each question gets its own verdict, whatever was asked before. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressRule, type Requirement } from '../src/index.ts';
import { codeOf, portsWith, type Question } from './support/ports.ts';

/** Each question with the only answer to it. */
const QUESTIONS: readonly (readonly [Question, string])[] = [
  [question({}), 'ok'],
  [question({ audience: 'https://api.example.test' }), 'ok'],
  [question({ audience: 'api_1' }), 'ok'],
  [question({ audience: 'https://other.example.test' }), 'wrong_audience'],
  [question({ audience: 'https://api.example.test/' }), 'wrong_audience'],
  [question({ scopes: ['orders:read'] }), 'ok'],
  [question({ scopes: ['orders:delete'] }), 'insufficient_scope'],
  [question({ scopes: ['orders:read', 'orders:delete'] }), 'insufficient_scope'],
  [question({ scopes: ['orders:rea'] }), 'insufficient_scope'],
  [question({ environment: 'live' }), 'ok'],
  [question({ environment: 'test' }), 'wrong_environment'],
  [question({ workspace: 'ws_1' }), 'ok'],
  [question({ workspace: 'ws_2' }), 'unknown'],
  [question({ kinds: ['api_key'] }), 'ok'],
  [question({ kinds: ['access_token'] }), 'policy_denied'],
  [question({ roles: ['deployer'] }), 'ok'],
  [question({ roles: ['admin'] }), 'policy_denied'],
  [question({}, '10.1.2.3'), 'ok'],
  [question({}, '192.0.2.1'), 'ip_denied'],
  [question({}, undefined), 'ip_denied'],
  [question({ addresses: [addressRule('route', { deny: ['10.0.0.5'] })] }, '10.0.0.5'), 'ip_denied'],
];

describe('a verdict is never used for another question', () => {
  it('in any order of questions', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...QUESTIONS), { minLength: 2, maxLength: 40 }), async (asked) => {
        const ports = portsWith({ addresses: [addressRule('token', { allow: ['10.0.0.0/8'] })] });
        for (const [one, answer] of asked) expect(await codeOf(ports, one)).toBe(answer);
      }),
      { numRuns: 300 },
    );
  });

  it('nor for the same token after it was edited', async () => {
    const ports = portsWith({});
    expect(await codeOf(ports)).toBe('ok');
    expect(await codeOf({ ...ports, tokens: portsWith({ revokedAt: 1 }).tokens })).toBe('revoked');
    expect(await codeOf(ports)).toBe('ok');
  });
});

function question(requirement: Partial<Requirement>, ...address: readonly [address?: string | undefined]): Question {
  return { requirement, circumstances: { address: address.length === 0 ? '10.9.9.9' : address[0] } };
}
