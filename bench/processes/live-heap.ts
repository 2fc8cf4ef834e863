/** Loaded into a server before its own code: collects all garbage when it is asked, and tells what is still alive. */
import type { LiveHeap } from '../rig/tessera.ts';

process.on('message', () => {
  // What the first round lets go of, weakly held or finalised, is garbage for the second.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const told: LiveHeap = { bytes: heapUsed + external };
  process.send?.(told);
});
// The server must end when it is told to, whoever could still ask.
process.channel?.unref();
