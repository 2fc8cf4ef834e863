/** What is signed with and what is published of it: a key from a file where one is named, else the ring of the default workspace. */
import type { Clock } from '@tessera/verify';
import { readAssertionKey } from './assertion-key.ts';
import type { Config } from './config/load.ts';
import { type Assertions, createAssertions, fileSigner } from './core/assertions.ts';
import type { Custody } from './core/custody/custody.ts';
import type { Feed } from './core/feed.ts';
import { publishedKeys } from './core/key-ring/published-keys.ts';
import { ringSigner } from './core/key-ring/ring-signer.ts';
import { foundRing, keepRings } from './core/key-ring/upkeep.ts';
import type { Store } from './core/store-port.ts';
import { keySets } from './key-sets.ts';
import type { Logger } from './observe/log.ts';
import type { Door } from './platform.ts';

export interface SigningParts {
  readonly config: Config;
  readonly store: Store;
  readonly custody: Custody;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly log: Logger;
  readonly defaultWorkspace: string;
}

export interface SigningKeys {
  readonly assertions: Assertions;
  /** The key set that a path names. */
  readonly keySets: (path: string) => Door | undefined;
  stop(): void;
}

const KEPT_EVERY_MS = 60_000;

export async function startSigningKeys(parts: SigningParts): Promise<SigningKeys> {
  const { config, store, custody, feed, clock, log, defaultWorkspace } = parts;
  const manages = config.role === 'all';
  if (manages) await foundRing(store, 'EdDSA', { workspace: defaultWorkspace, now: clock.now(), sealing: custody });
  const fromFile = config.assertionKey === undefined ? undefined : fileSigner(readAssertionKey(config.assertionKey));
  const ring = ringSigner({
    store,
    custody,
    feed,
    workspace: defaultWorkspace,
    alg: 'EdDSA',
    onError: (err) =>
      log.error({ err }, 'the keys that sign cannot be read; the one of before, if there is one, signs on'),
  });
  await ring.load();
  const keep = (): void => {
    const activeMs = config.signingKeySeconds * 1000;
    keepRings(store, { now: clock.now(), sealing: custody, activeMs }).catch((err: unknown) =>
      log.warn({ err }, 'keys that are old stay in use'),
    );
  };
  const timer = manages ? setInterval(keep, KEPT_EVERY_MS).unref() : undefined;
  return {
    assertions: createAssertions({
      signer: fromFile === undefined ? ring.current : () => fromFile,
      issuer: config.publicUrl ?? 'tessera',
      clock,
    }),
    keySets: keySets({
      published: publishedKeys({ store, feed }),
      defaultWorkspace,
      own: fromFile === undefined ? [] : [fromFile.publicKey],
    }),
    stop: () => clearInterval(timer),
  };
}
