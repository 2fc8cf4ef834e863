/** The audit record of what the platform does by itself. */
import type { AuditEntry } from './model.ts';
import type { Tx } from './store-port.ts';

export function systemRecord(
  tx: Tx,
  entry: {
    readonly workspace: string;
    readonly now: number;
    readonly action: string;
    readonly target: { type: string; id: string } | null;
    /** Default `ok`. */
    readonly outcome?: AuditEntry['outcome'];
    readonly details: Readonly<Record<string, unknown>>;
  },
): void {
  tx.record({
    workspace: entry.workspace,
    at: entry.now,
    actor: { token: null, owner: null, kind: 'system' },
    action: entry.action,
    target: entry.target,
    outcome: entry.outcome ?? 'ok',
    requestId: null,
    address: null,
    details: entry.details,
  });
}
