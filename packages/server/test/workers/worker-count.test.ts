/** As many workers as were asked for, where the system can share a port. */
import { expect, test } from 'vitest';
import { workerCount } from '../../src/workers/worker-count.ts';

const LINUX = { cores: 8, platform: 'linux' };
const MAC = { cores: 8, platform: 'darwin' };

test.each([
  ['auto', LINUX, 8],
  [3, LINUX, 3],
  [1, LINUX, 1],
  ['auto', MAC, 1],
  [1, MAC, 1],
  [2, MAC, 'workers: more than one needs Linux, and this is darwin; leave it at 1'],
] as const)('%s on %j makes %s', (setting, machine, count) => {
  expect(workerCount(setting, machine)).toBe(count);
});
