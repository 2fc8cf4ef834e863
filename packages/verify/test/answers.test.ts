/** What a denial tells, whoever asks: status, code, text, challenge and how the limits stand. */

import { describe, expect, it } from 'vitest';
import {
  type DenialCode,
  denialCodes,
  denials,
  deny,
  type LimitState,
  problemOfDenial,
  problemOfEmptyCredential,
  rateHeaders,
} from '../src/index.ts';

const stranger = (code: DenialCode) =>
  problemOfDenial(deny(code, { detail: 'why', missingScopes: ['b'] }), { audience: 'stranger', scopes: ['a', 'b'] });
const manager = (code: DenialCode) => problemOfDenial(deny(code), { audience: 'manager', scopes: [] });

describe('a denial as an answer', () => {
  it.each(denialCodes)('%s has the status of the table for everybody', (code) => {
    expect(stranger(code).status).toBe(denials[code].status);
    expect(manager(code).status).toBe(denials[code].status);
  });

  it.each(denialCodes)('%s tells a stranger no more than the public text', (code) => {
    const { status } = denials[code];
    const told = stranger(code);
    if (status === 401 && code !== 'missing') {
      expect(told.code).toBe('invalid_token');
      expect(told.title).toBe('The token is not valid here.');
    } else {
      expect(told.code).toBe(code);
      expect(told.title).toBe(denials[code].public);
    }
    expect(told.detail).toBe(code === 'insufficient_scope' ? 'why' : undefined);
  });

  it.each(denialCodes)('%s tells a manager its code and why', (code) => {
    expect(manager(code)).toMatchObject({ code, title: denials[code].public, detail: denials[code].operator });
  });

  const challenges: Readonly<Record<string, string>> = {
    missing: 'Bearer',
    duplicate_credentials: 'Bearer error="invalid_request"',
    insufficient_scope: 'Bearer error="insufficient_scope", scope="a b"',
    proof_required: 'Bearer error="invalid_token", DPoP algs="EdDSA ES256 PS256 RS256"',
    proof_invalid: 'DPoP error="invalid_dpop_proof", algs="EdDSA ES256 PS256 RS256"',
    replayed: 'DPoP error="invalid_dpop_proof", algs="EdDSA ES256 PS256 RS256"',
  };
  it.each(denialCodes)('%s has the challenge of RFC 6750 or RFC 9449', (code) => {
    const expected = challenges[code] ?? (denials[code].status === 401 ? 'Bearer error="invalid_token"' : undefined);
    expect(stranger(code).headers?.['WWW-Authenticate']).toBe(expected);
  });

  it('tells when to try again', () => {
    const limits = [state({ retryAfterSeconds: 3 }), state({ retryAfterSeconds: 30 }), state({})];
    const denial = deny('rate_limited', { limits });
    expect(problemOfDenial(denial, { audience: 'stranger', scopes: [] }).headers).toEqual({ 'Retry-After': '30' });
    expect(
      problemOfDenial(deny('rate_limited'), { audience: 'stranger', scopes: [], retryAfterSeconds: 7 }).headers,
    ).toEqual({ 'Retry-After': '7' });
  });

  it('is 400 where the credential is empty', () => {
    expect(problemOfEmptyCredential()).toMatchObject({
      status: 400,
      code: 'invalid_request',
      headers: { 'WWW-Authenticate': 'Bearer error="invalid_request"' },
    });
  });
});

function state(parts: Partial<LimitState>): LimitState {
  return { name: 'a', limit: 10, windowSeconds: 60, remaining: 5, resetSeconds: 30, retryAfterSeconds: 0, ...parts };
}

describe('limits as header fields', () => {
  const fields = (limits: readonly LimitState[]) => {
    const flat = rateHeaders(limits);
    return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, at) => [flat[at * 2], flat[at * 2 + 1]]));
  };

  it('are none where there are no limits', () => {
    expect(rateHeaders([])).toEqual([]);
  });

  it('tell every limit, and the one closest to exhaustion in the fields for one', () => {
    const limits = [
      state({ remaining: 5 }),
      state({ name: 'b', limit: 100, remaining: 2, resetSeconds: 9, windowSeconds: 3600 }),
    ];
    expect(fields(limits)).toEqual({
      'X-RateLimit-Limit': '100',
      'X-RateLimit-Remaining': '2',
      'X-RateLimit-Reset': '9',
      RateLimit: '"a";r=5;t=30, "b";r=2;t=9',
      'RateLimit-Policy': '"a";q=10;w=60, "b";q=100;w=3600',
    });
    expect(fields(limits.toReversed())['X-RateLimit-Limit']).toBe('100');
  });

  it('put the limit that refuses first, and the one that stays longest', () => {
    const refusing = state({ name: 'b', limit: 7, remaining: 3, retryAfterSeconds: 5 });
    expect(fields([state({ remaining: 0 }), refusing])['X-RateLimit-Limit']).toBe('7');
    const longer = state({ name: 'b', limit: 7, resetSeconds: 31 });
    expect(fields([state({}), longer])['X-RateLimit-Limit']).toBe('7');
  });

  it('quote names as structured fields', () => {
    expect(fields([state({ name: 'a"\\\r\nX: é' })]).RateLimit).toBe('"a\\"\\\\??X: ?";r=5;t=30');
  });
});
