/** Shares of limits for verifiers in other processes. */
import { takeLease } from '../core/leases.ts';
import { digestOf } from './digest.ts';
import type { ReadHandlers } from './services.ts';

export const leaseReads: ReadHandlers<'leases.take'> = {
  async 'leases.take'({ call: { workspace }, body, services: { ports } }) {
    const { limit: name, want, atLeast = 1 } = body;
    const asked = { workspace, digest: digestOf(body.digest), limit: name, want, atLeast };
    const { granted, seconds, state } = await takeLease(asked, ports);
    const { limit, remaining, resetSeconds, retryAfterSeconds } = state;
    return { output: { granted, seconds, state: { name, limit, remaining, resetSeconds }, retryAfterSeconds } };
  },
};
