/** Lists and rules go by the order of ids: it is the order of creation, also within a millisecond. */
import { expect, it } from 'vitest';
import { newId } from '../../src/core/ids.ts';

it('ids of one process sort in the order in which they were made, and none comes twice', () => {
  const ids = Array.from({ length: 20_000 }, () => newId('tok'));
  expect(ids.findIndex((id, index) => id <= (ids[index - 1] ?? ''))).toBe(-1);
  for (const id of ids) expect(id).toMatch(/^tok_[0-9a-hjkmnp-tv-z]{26}$/);
});
