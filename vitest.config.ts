import { defineConfig } from 'vitest/config';

// Unit and contract tests live beside each package (`packages/*/test`); `test/` holds the black-box tests, which start
// real processes. A closing line in plain words lets any CI count what ran.
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    isolate: false,
    // What hangs is ended. What costs much of a processor takes many times as long where others have it.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // What is waited for comes at once, or late where others use the machine: a second is no reason to fail.
    expect: { poll: { timeout: 15_000 } },
    reporters: ['default', './test/support/plain-count-reporter.ts'],
    // One more than the cores of a small machine: many tests wait for something.
    maxWorkers: 3,
  },
});
