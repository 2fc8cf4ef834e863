/** Verifiers of one node, while owners with many tokens are deleted one after the other, which revokes all of those tokens. */
import { setTimeout as delay } from 'node:timers/promises';
import { circumstances, createVerifier, type RemoteVerifier } from '@tessera/verify';
import { askPlatform, verifierToken } from '../rig/platform-api.ts';
import { tokenText } from '../rig/tokens.ts';

export interface FollowersOrder {
  readonly port: number;
  readonly verifiers: number;
  /** Ids; owner number n has the tokens from n * `tokensOfOwner` on. */
  readonly owners: readonly string[];
  readonly tokensOfOwner: number;
  readonly ownersPerSecond: number;
}

export interface FollowersReport {
  /** From the first acknowledgement to the last: a server that does not keep up falls ever further behind. */
  readonly revokedPerSecond: number;
  /** Milliseconds from the acknowledgement of a deletion until the last verifier refused, for one token a second and the very last. */
  readonly refusedAfter: readonly number[];
  /** The most that any verifier ever told of `lagSeconds`, before the first deletion and since. */
  readonly lagSeconds: { readonly idle: number; readonly busy: number };
}

/** Between two looks at the same verifier. */
const EVERY_MILLISECONDS = 5;
const IDLE_MILLISECONDS = 3000;
/** Whoever allows for longer than the promise is broken, not slow. */
const PATIENCE_MILLISECONDS = 10_000;

const asked = { circumstances: circumstances({}) };

process.once('message', (order: FollowersOrder) => {
  measure(order).then(
    (report) => process.send?.(report, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function measure(order: FollowersOrder): Promise<FollowersReport> {
  const { port, owners, tokensOfOwner, ownersPerSecond } = order;
  const token = await verifierToken(port);
  const verifiers = Array.from({ length: order.verifiers }, () =>
    createVerifier({ url: `http://127.0.0.1:${port}`, token, audience: 'default' }),
  );
  await Promise.all(verifiers.map((verifier) => verifier.ready()));
  // The last token of each owner that is watched: its change is the last of that deletion.
  const watched = owners.map((_, owner) => owner % Math.ceil(ownersPerSecond) === 0 || owner === owners.length - 1);
  const textOf = (owner: number): string => tokenText((owner + 1) * tokensOfOwner - 1);
  for (const [owner, isWatched] of watched.entries()) if (isWatched) await requireKnown(verifiers, textOf(owner));

  const lag = watchLag(verifiers);
  await delay(IDLE_MILLISECONDS);
  const idle = lag.most();
  const refusals: Promise<number>[] = [];
  const acknowledged: number[] = [];
  const start = performance.now();
  const deletions = owners.map(async (id, owner) => {
    await delay(Math.max(1, start + (1000 * owner) / ownersPerSecond - performance.now()));
    await askPlatform({ port, method: 'DELETE', path: `/v1/owners/${id}` });
    acknowledged.push(performance.now());
    if (watched[owner]) refusals.push(untilRefused(verifiers, textOf(owner)));
  });
  await Promise.all(deletions);
  const seconds = (Math.max(...acknowledged) - Math.min(...acknowledged)) / 1000;
  const refusedAfter = await Promise.all(refusals);
  const busy = lag.most();
  lag.stop();
  await Promise.all(verifiers.map((verifier) => verifier.close()));
  return {
    revokedPerSecond: ((owners.length - 1) * tokensOfOwner) / seconds,
    refusedAfter,
    lagSeconds: { idle, busy },
  };
}

async function requireKnown(verifiers: readonly RemoteVerifier[], text: string): Promise<void> {
  const verdicts = await Promise.all(verifiers.map(async (verifier) => verifier.verify(presented(text), asked)));
  if (!verdicts.every(({ valid }) => valid)) throw new Error('a token that lives was refused');
}

/** Milliseconds from now until each of the verifiers has refused the token once. */
async function untilRefused(verifiers: readonly RemoteVerifier[], text: string): Promise<number> {
  const since = performance.now();
  const one = async (verifier: RemoteVerifier): Promise<number> => {
    for (;;) {
      const { valid } = await verifier.verify(presented(text), asked);
      const milliseconds = performance.now() - since;
      if (!valid) return milliseconds;
      if (milliseconds > PATIENCE_MILLISECONDS) throw new Error(`still allowed after ${milliseconds.toFixed(0)} ms`);
      await delay(EVERY_MILLISECONDS);
    }
  };
  return Math.max(...(await Promise.all(verifiers.map(one))));
}

/** The highest lag since the last call of `most`, looked at ten times a second. */
function watchLag(verifiers: readonly RemoteVerifier[]) {
  let highest = 0;
  const look = (): void => {
    highest = Math.max(highest, ...verifiers.map((verifier) => verifier.metrics().lagSeconds));
  };
  const timer = setInterval(look, 100);
  return {
    most(): number {
      look();
      const most = highest;
      highest = 0;
      return most;
    },
    stop: () => clearInterval(timer),
  };
}

function presented(text: string) {
  return { authorization: [`Bearer ${text}`], apiKey: [], query: '' };
}
