/** The audit record of what the platform does by itself. */
import type { Tx } from './store-port.ts';

export function systemRecord(
  tx: Tx,
  entry: {
    readonly workspace: string;
    readonly now: number;
    readonly action: string;
    readonly target: { type: string; id: string } | null;
    readonly details: Readonly<Record<string, unknown>>;
  },
): void {
  tx.record({
    workspace: entry.workspace,
    at: entry.now,
    actor: { token: null, owner: null, kind: 'system' },
    action: entry.action,
    target: entry.target,
    outcome: 'ok',
    requestId: null,
    address: null,
    details: entry.details,
  });
}
