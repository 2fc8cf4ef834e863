/** The code of an error is one of a closed list: what the contract has, what this client finds, and `unexpected`. */
import { problems } from '@tessera/contract';
import { denialCodes } from '@tessera/verify';
import { expect, it } from 'vitest';
import { type ErrorCode, TesseraError } from '../src/index.ts';

const refusal = (code: string | undefined) => new TesseraError({ kind: 'problem', code, title: 't', status: 409 });

it.each([...Object.keys(problems), ...denialCodes])('%s is known', (code) => {
  expect(refusal(code)).toMatchObject({ code, rawCode: undefined });
});

it.each(['a_code_of_tomorrow', '', 'constructor', '__proto__', 'network', 'timeout', 'protocol', 'unexpected'])(
  '%j from a server is unexpected, and what it said is kept',
  (code) => {
    expect(refusal(code)).toMatchObject({ code: 'unexpected', rawCode: code });
  },
);

it.each(['network', 'timeout', 'protocol', 'missed'] as const)('%s is the code of its kind', (kind) => {
  expect(new TesseraError({ kind, title: 't' })).toMatchObject({ kind, code: kind, rawCode: undefined });
});

it('a switch over the codes can be checked to be complete', () => {
  const advice = (code: ErrorCode): string => {
    switch (code) {
      case 'network':
      case 'timeout':
      case 'overloaded':
        return 'later';
      case 'protocol':
      case 'missed':
      case 'unexpected':
        return 'look';
      default: {
        // Compiles only while everything else is a code of the server.
        const told: Exclude<ErrorCode, 'network' | 'timeout' | 'overloaded' | 'protocol' | 'missed' | 'unexpected'> =
          code;
        return told;
      }
    }
  };
  expect(advice(refusal('not_found').code)).toBe('not_found');
  // @ts-expect-error a code that does not exist is refused by the compiler
  expect(advice('not_fond')).toBe('not_fond');
});
