/** What is done when a sealed value does not open: somebody wrote to the database, and whoever runs the platform has to hear of it. */
import type { Clock } from '@tessera/verify';
import { onceAnHour } from '../once-an-hour.ts';
import type { Store, Tx } from '../store-port.ts';
import { systemRecord } from '../system-record.ts';
import { DEFAULT_WORKSPACE } from '../workspaces.ts';
import { type Place, placeName } from './place.ts';
import type { BrokenSeal } from './sealed-value.ts';

export interface CustodyAlarms {
  /** Returns at once and never throws: whoever found it goes on refusing what it was opened for. */
  raise(broken: BrokenSeal): void;
}

export interface CustodyAlarmsOptions {
  readonly store: Pick<Store, 'write'>;
  readonly clock: Clock;
  /** Hears of every one. Must not throw. */
  readonly counted: (table: string) => void;
  /** Hears of a place once an hour. Must not throw. */
  readonly onRaised: (broken: BrokenSeal) => void;
  readonly onError: (error: unknown) => void;
}

const MOST_REMEMBERED = 10_000;

export function custodyAlarms({ store, clock, counted, onRaised, onError }: CustodyAlarmsOptions): CustodyAlarms {
  const told = onceAnHour(MOST_REMEMBERED);
  return {
    raise(broken) {
      const { place } = broken;
      const now = clock.now();
      counted(place.table);
      if (!told.isNews(placeName(place), now)) return;
      onRaised(broken);
      // In a unit of work of its own: the one that met the broken seal is undone.
      store
        .write((tx) => record(tx, place, now))
        .catch((error: unknown) => {
          // So that the next one is tried again.
          told.forget(placeName(place));
          onError(error);
        });
    },
  };
}

async function record(tx: Tx, place: Place, now: number): Promise<void> {
  const workspace = await concerned(tx, place);
  if (workspace === undefined) return;
  const { table, column, row } = place;
  systemRecord(tx, {
    workspace,
    now,
    action: 'custody.alarm',
    target: { type: 'sealed_value', id: row },
    outcome: 'denied',
    details: { table, column },
  });
}

/** Of what is the installation's own, or was moved to where no workspace is, the default one. */
async function concerned(tx: Tx, { workspace }: Place): Promise<string | undefined> {
  const isKnown = workspace !== '' && (await tx.workspace(workspace)) !== undefined;
  return isKnown ? workspace : tx.meta(DEFAULT_WORKSPACE);
}
