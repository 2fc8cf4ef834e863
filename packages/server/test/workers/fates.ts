/** How a test's worker is told to die. */
export const FATES = 'tessera-test-fates';

export type Fate = 'throw' | 'exit' | 'memory';
