/** A broken seal is counted each time, and told and recorded once an hour, where it concerns somebody. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { custodyAlarms } from '../../../src/core/custody/alarms.ts';
import type { Place } from '../../../src/core/custody/place.ts';
import { BrokenSeal } from '../../../src/core/custody/sealed-value.ts';
import type { Store } from '../../../src/core/store-port.ts';
import { aPlatform } from '../support/platform.ts';

const HOUR_MS = 3_600_000;

async function setup() {
  const { store, clock, workspace } = await aPlatform();
  const counted: string[] = [];
  const raised: BrokenSeal[] = [];
  const errors: unknown[] = [];
  const state = { isAway: false };
  let last: Promise<unknown> = Promise.resolve();
  const write: Store['write'] = (work) => {
    const written = state.isAway ? Promise.reject(new Error('the store is away')) : store.write(work);
    last = written.catch(() => undefined);
    return written;
  };
  const alarms = custodyAlarms({
    store: { write },
    clock,
    counted: (table) => void counted.push(table),
    onRaised: (broken) => void raised.push(broken),
    onError: (error) => void errors.push(error),
  });
  return {
    ...{ clock, workspace, counted, raised, errors, state },
    async raise(place: Place) {
      alarms.raise(new BrokenSeal(place));
      await last;
      await turn();
    },
    records: () => store.audit(workspace, { after: 0, limit: 100, action: 'custody.alarm' }),
  };
}

it('counts every one, and tells and records each place once an hour', async () => {
  const { raise, clock, workspace, counted, raised, records } = await setup();
  const one: Place = { workspace, table: 'keys', column: 'sealed', row: 'key_1' };
  const other: Place = { ...one, table: 'issuers', row: 'iss_1' };
  for (const place of [one, one, other, one]) await raise(place);
  expect(counted).toEqual(['keys', 'keys', 'issuers', 'keys']);
  expect(raised.map(({ place }) => place)).toEqual([one, other]);
  clock.move(HOUR_MS - 1);
  await raise(one);
  expect(await records()).toHaveLength(2);
  clock.move(1);
  await raise(one);
  expect(await records()).toMatchObject([
    {
      target: { type: 'sealed_value', id: 'key_1' },
      outcome: 'denied',
      details: { table: 'keys', column: 'sealed' },
      actor: { kind: 'system', token: null },
    },
    { target: { type: 'sealed_value', id: 'iss_1' }, details: { table: 'issuers' } },
    { target: { type: 'sealed_value', id: 'key_1' } },
  ]);
});

it('tells the default workspace of what is no workspace’s, or was moved to where none is', async () => {
  const { raise, records } = await setup();
  await raise({ workspace: '', table: 'meta', column: 'value', row: 'root_secret' });
  await raise({ workspace: 'ws_nowhere', table: 'keys', column: 'sealed', row: 'key_1' });
  expect((await records()).map(({ target }) => target?.id)).toEqual(['root_secret', 'key_1']);
});

it('tries again where it could not be recorded, and throws nothing', async () => {
  const { raise, workspace, errors, state, raised, records } = await setup();
  const place: Place = { workspace, table: 'keys', column: 'sealed', row: 'key_1' };
  state.isAway = true;
  await raise(place);
  expect(errors.map(String)).toEqual(['Error: the store is away']);
  expect(await records()).toEqual([]);
  state.isAway = false;
  await raise(place);
  expect(await records()).toHaveLength(1);
  expect(raised).toHaveLength(2);
});
