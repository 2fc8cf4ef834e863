/** A text of no known format is asked after where somebody may know it, and of everybody else's texts nobody there hears. */
import { describe, expect, it } from 'vitest';
import { credentialOf, digestKey, type SignedAsked } from '../src/index.ts';
import { codeOf, portsOf } from './support/ports.ts';
import { factsOf, lookupOf, OTHER_TOKEN, TOKEN } from './support/tokens.ts';

const TEXT = 'text-of-somebody-else';
const asking = (found = factsOf({ kind: 'access_token' })) => {
  const asked: (SignedAsked & { readonly text: string })[] = [];
  const opaque = {
    find(text: string, about: SignedAsked) {
      asked.push({ text, ...about });
      return found;
    },
  };
  return { asked, opaque };
};

describe('a text of no format that is known', () => {
  it('is malformed where nobody is asked', async () => {
    expect(await codeOf(portsOf(), { credential: credentialOf(TEXT) })).toBe('malformed');
  });

  it('is asked after with its digest, and for where it is presented', async () => {
    const { asked, opaque } = asking();
    const question = { credential: credentialOf(TEXT), requirement: { workspace: 'ws_1', audience: 'api_1' } };
    expect(await codeOf(portsOf({ opaque }), question)).toBe('ok');
    expect(asked).toMatchObject([{ text: TEXT, digest: digestKey(TEXT), requirement: question.requirement }]);
  });

  it('is judged like any other once it is known', async () => {
    const { opaque } = asking(factsOf({ workspace: { id: 'ws_2', enabled: true } }));
    const question = { credential: credentialOf(TEXT), requirement: { workspace: 'ws_1' } };
    expect(await codeOf(portsOf({ opaque }), question)).toBe('unknown');
  });
});

it.each([
  ['known', TOKEN, 'ok'],
  ['of our format', OTHER_TOKEN, 'unknown'],
  ['signed', 'eyJhbGciOiJub25lIn0.e30.', 'malformed'],
  ['that was imported', 'sk-imported', 'unknown'],
  ['longer than any token', 'x'.repeat(513), 'malformed'],
])('a text %s is told to nobody', async (_what, text, code) => {
  const { asked, opaque } = asking();
  const tokens = {
    ...lookupOf([TOKEN, factsOf()]),
    imported: (of: string) => (of.startsWith('sk-') ? [digestKey(of)] : []),
  };
  expect(await codeOf(portsOf({ opaque, tokens }), { credential: credentialOf(text) })).toBe(code);
  expect(asked).toEqual([]);
});
