/** What is no denial is told as RFC 9457 says, in the same words wherever it is told. */
import { problems } from '@tessera/contract';
import { notWellFormed, problemText } from '@tessera/verify';
import { describe, expect, it } from 'vitest';
import { problem } from '../../src/http/problem.ts';

describe('a problem', () => {
  it('is written as RFC 9457 says', () => {
    const errors = [{ pointer: '/name', detail: 'is missing', code: 'required' }];
    expect(JSON.parse(problemText(problem('invalid_input', { detail: 'See errors.', errors }), 'r1'))).toEqual({
      type: 'urn:tessera:problem:invalid_input',
      title: 'The input is not valid',
      status: 422,
      detail: 'See errors.',
      code: 'invalid_input',
      requestId: 'r1',
      errors,
    });
    expect(problem('upstream_timeout')).toEqual({
      status: 504,
      code: 'upstream_timeout',
      title: 'The upstream did not answer in time',
    });
  });

  it('is titled as middleware titles it, which does not know the table', () => {
    const { status, title } = problems.invalid_request;
    expect(notWellFormed('why')).toEqual({ status, title, code: 'invalid_request', detail: 'why' });
    expect(problem('invalid_request', { detail: 'why' })).toEqual(notWellFormed('why'));
  });
});
