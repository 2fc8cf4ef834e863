/** What imported tokens look like is as the newest question was answered, in whatever order answers come: else good ones are refused as malformed. */
import { expect, test } from 'vitest';
import type { DigestKey } from '../../src/digest.ts';
import { createLookUps } from '../../src/lookups/remote/look-ups.ts';
import { digestOnWire, type ImportedPrefix } from '../../src/lookups/remote/wire.ts';

const DIGEST = 'd'.repeat(32) as DigestKey;
const NOBODYS = '\0'.repeat(32) as DigestKey;
const OLD: readonly ImportedPrefix[] = [{ prefix: 'old_', algorithm: 'sha256' }];
const NEW: readonly ImportedPrefix[] = [...OLD, { prefix: 'new_', algorithm: 'sha256' }];

/** Look-ups whose answers come when the test says, each as of when it says. */
function asking() {
  const heard: (readonly ImportedPrefix[])[] = [];
  const asked: { readonly digests: readonly string[]; answer(imports: readonly ImportedPrefix[]): void }[] = [];
  const lookUps = createLookUps({
    calls: {
      postAgain: (_path, body) => {
        const { digests } = body as { readonly digests: readonly string[] };
        const { promise, resolve } = Promise.withResolvers<unknown>();
        const items = digests.map((digest) => ({ digest, facts: null }));
        asked.push({ digests, answer: (imports) => resolve({ seq: 1, items, imports }) });
        return promise;
      },
    },
    monotonic: () => 0,
    joinMs: 2000,
    maxWaiting: 100,
    maxTokens: 100,
    onImports: (imports) => heard.push(imports),
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { lookUps, heard, asked, turn };
}

test('an answer that is overtaken by a later one changes nothing', async () => {
  const { lookUps, heard, asked, turn } = asking();
  const found = lookUps.find(DIGEST);
  await turn();
  const refreshed = lookUps.refresh();
  await turn();
  asked[1]?.answer(NEW);
  await refreshed;
  asked[0]?.answer(OLD);
  await found;
  expect(heard).toEqual([NEW]);
});

test('what changes while an answer is on its way is asked for again', async () => {
  const { lookUps, heard, asked, turn } = asking();
  const first = lookUps.refresh();
  await turn();
  const second = lookUps.refresh();
  await turn();
  expect(asked).toHaveLength(2);
  asked[0]?.answer(OLD);
  asked[1]?.answer(NEW);
  await Promise.all([first, second]);
  expect(heard).toEqual([OLD, NEW]);
});

test('a hundred changes at once are one question, and who begins joins one that is under way', async () => {
  const { lookUps, asked, turn } = asking();
  const all = Array.from({ length: 100 }, () => lookUps.refresh());
  await turn();
  all.push(lookUps.begin());
  await turn();
  expect(asked.map(({ digests }) => digests)).toEqual([[digestOnWire(NOBODYS)]]);
  asked[0]?.answer(NEW);
  await Promise.all(all);
});
