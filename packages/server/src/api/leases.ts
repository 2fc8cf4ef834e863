/** Shares of limits for verifiers in other processes. */
import { Buffer } from 'node:buffer';
import { digestKeyOf } from '@tessera/verify';
import { takeLease } from '../core/leases.ts';
import type { ReadHandlers } from './services.ts';

export const leaseReads: ReadHandlers<'leases.take'> = {
  async 'leases.take'({ call: { workspace }, body, services: { ports } }) {
    const { limit, want, atLeast = 1 } = body;
    const digest = digestKeyOf(Buffer.from(body.digest, 'base64url'));
    const { granted, seconds, state } = await takeLease({ workspace, digest, limit, want, atLeast }, ports);
    const { name, remaining, resetSeconds, retryAfterSeconds } = state;
    return {
      output: {
        granted,
        seconds,
        state: { name, limit: state.limit, remaining, resetSeconds },
        retryAfterSeconds,
      },
    };
  },
};
