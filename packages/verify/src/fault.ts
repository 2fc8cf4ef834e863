/** Faults deny: an answer that cannot be had is never an `allow`. */
import type { Ports } from './ports.ts';
import { type Deny, deny } from './verdict.ts';

export function fault(error: unknown, ports: Ports): Deny {
  try {
    ports.onFault?.(error);
  } catch {
    // Whoever listens for faults must not turn a refusal into an exception.
  }
  return deny('fault');
}
