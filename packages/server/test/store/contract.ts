/** The guarantees of the store port. Every store is held to all of them. */
import { afterAll, beforeAll, describe } from 'vitest';
import type { Store } from '../../src/core/store-port.ts';
import { concurrency } from './contract/concurrency.ts';
import { issuers } from './contract/issuers.ts';
import { ledger } from './contract/ledger.ts';
import { lines } from './contract/lines.ts';
import { lists } from './contract/lists.ts';
import { lookUp } from './contract/look-up.ts';
import { roundTrips } from './contract/round-trips.ts';
import { signed } from './contract/signed.ts';
import { units } from './contract/units.ts';

export interface Database {
  /** Another store over the same database, as another node would open it. */
  open(): Promise<Store>;
  drop(): Promise<void>;
}

/** Two stores over one database, made anew for each group of guarantees. */
export interface Stores {
  readonly one: Store;
  readonly two: Store;
}

export function storeContract(createDatabase: () => Promise<Database>): void {
  const groups = { roundTrips, lines, lists, lookUp, units, concurrency, ledger, issuers, signed };
  for (const [name, group] of Object.entries(groups)) {
    describe(name, () => {
      let database: Database;
      let stores: Stores;
      beforeAll(async () => {
        database = await createDatabase();
        stores = { one: await database.open(), two: await database.open() };
      });
      afterAll(async () => {
        await stores.one.close();
        await stores.two.close();
        await database.drop();
      });
      group(() => stores);
    });
  }
}
