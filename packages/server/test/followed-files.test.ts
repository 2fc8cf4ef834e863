/** A file that is being written is looked at when it is whole, and once. */
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { followFiles } from '../src/followed-files.ts';

const DEBOUNCE_MS = 200;

const folder = mkdtempSync(join(tmpdir(), 'tessera-followed-'));
const ended = new AbortController();
afterAll(() => {
  ended.abort();
  rmSync(folder, { recursive: true });
});

it('a file that is emptied and filled in steps, and written again while it settles', async () => {
  const path = join(folder, 'file');
  const changed = new EventEmitter();
  const seen: string[] = [];
  writeFileSync(path, 'before');
  const files = followFiles({
    paths: [path],
    debounceMs: DEBOUNCE_MS,
    onChange() {
      files.seen();
      seen.push(readFileSync(path, 'utf8'));
      changed.emit('change');
    },
    onUnwatched: () => expect.unreachable(),
    signal: ended.signal,
  });
  files.seen();
  // Longer than the debounce in all, and never as long without a change.
  for (const text of ['', 'a', 'ab', 'abc', 'abcd', 'abcde']) {
    writeFileSync(path, text);
    await delay(DEBOUNCE_MS / 4);
  }
  await once(changed, 'change', { signal: AbortSignal.timeout(10_000) });
  expect(seen).toEqual(['abcde']);
  writeFileSync(path, 'after');
  await once(changed, 'change', { signal: AbortSignal.timeout(10_000) });
  expect(seen).toEqual(['abcde', 'after']);
});
