/** A key whose seal is broken signs nothing, and stops nothing else: another one signs as soon as there is one. */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Told } from '../../../src/core/change-order.ts';
import { openCustody } from '../../../src/core/custody/custody.ts';
import { masterKeyEncryption } from '../../../src/core/custody/key-encryption.ts';
import { BrokenSeal } from '../../../src/core/custody/sealed-value.ts';
import { type RingSigner, ringSigner } from '../../../src/core/key-ring/ring-signer.ts';
import { rotateRing } from '../../../src/core/key-ring/steps.ts';
import { foundRing } from '../../../src/core/key-ring/upkeep.ts';
import { aPlatform, NOW } from '../support/platform.ts';

it('the server starts without it, raises an alarm, and signs when the feed tells of another key', async () => {
  const { store, workspace, clock } = await aPlatform();
  const broken: BrokenSeal[] = [];
  const custody = await openCustody(store, {
    current: masterKeyEncryption(randomBytes(32)),
    others: [],
    masters: [],
    mayFound: true,
    onWait: () => undefined,
    onBroken: (error) => void broken.push(error),
    now: clock.now,
  });
  await foundRing(store, 'EdDSA', { workspace, now: NOW, sealing: custody });
  const [active] = (await store.liveKeys(workspace)).filter(({ state }) => state === 'active');
  if (active === undefined || active.sealed === null) throw new Error('no key was made');
  const cut = { ...active, sealed: active.sealed.subarray(1) };
  await store.write((tx) => tx.updateKey(cut));

  const listeners: ((told: Told) => void)[] = [];
  const errors: unknown[] = [];
  const signer = ringSigner({
    store,
    custody,
    feed: {
      subscribe(listener) {
        listeners.push(listener);
        return () => undefined;
      },
    },
    workspace,
    alg: 'EdDSA',
    onError: (error) => void errors.push(error),
  });
  await signer.load();
  expect(() => signer.current()).toThrow('no key for EdDSA is active');
  expect(errors).toEqual([expect.any(BrokenSeal)]);
  expect(broken.map(({ place }) => place.row)).toEqual([active.id]);

  const { active: next } = await store.write((tx) =>
    rotateRing(tx, { workspace, now: NOW }, { alg: 'EdDSA', sealing: custody }),
  );
  for (const tell of listeners) tell('missed');
  await expect.poll(() => kidOf(signer), { timeout: 10_000 }).toBe(next.id);
  expect(errors).toHaveLength(1);
});

function kidOf(signer: RingSigner): string | undefined {
  try {
    return signer.current().kid;
  } catch {
    return undefined;
  }
}
