/** Whom load goes to, and what it asks. */
import type { Kind } from '../rig/requests.ts';

export interface Target {
  readonly port: number;
  readonly kind: Kind;
  /** Number of different tokens. */
  readonly tokens: number;
  readonly connections: number;
}
