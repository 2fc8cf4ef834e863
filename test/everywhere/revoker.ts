/** Ends tokens at random and never stops asking until somebody acknowledges it, and logs every demand. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, caller } from '../support/call.ts';
import { type History, now, type Revocation } from './history.ts';
import { mintToken, NEVER_REACHED } from './minting.ts';
import type { Node } from './platform.ts';
import type { Random } from './random.ts';
import type { PooledToken, TokenPool, Way } from './token-pool.ts';

export interface Revoker {
  /** Asks for no other end. Resolves when the last one that was asked for is acknowledged, and no answer is missing. */
  stop(): Promise<void>;
}

export interface RevokerOptions {
  readonly nodes: readonly Node[];
  readonly pool: TokenPool;
  readonly random: Random;
  readonly history: History;
  /** Whether some of the tokens have a limit, which is never reached but must be asked for. */
  readonly withLimits: boolean;
}

const WAYS: readonly Way[] = ['revoke', 'disable', 'rotate', 'disable owner', 'revoke owner', 'revoke issued before'];
/** At the least. */
const TOKENS = 40;
const MINTERS = 8;
const PACE_MS = 40;
/** Who hears nothing for so long asks somebody else. */
const PATIENCE_MS = 1500;
const AGAIN_MS = 100;
/** Of revocations that are asked of two nodes at the same time. */
const SHARE_OF_TWO = 0.25;
const SHARE_OF_LIMITED = 0.5;
const SHARE_OF_SIGNED = 0.5;
/** Later than anything that is minted, by whatever clock. */
const AFTER_ALL = '2100-01-01T00:00:00Z';

/** Mints the tokens of the run first. */
export async function startRevoker(options: RevokerOptions): Promise<Revoker> {
  const { nodes, pool, random, history, withLimits } = options;
  const underWay = new Set<Promise<unknown>>();
  let stopped = false;

  /** Whether the node acknowledged it before patience ended. Where it does so later, the log tells. */
  const demand = (token: PooledToken, node: Node, key: string): Promise<boolean> => {
    const revocation: Revocation = { token: token.id, way: token.way, judge: node.name, start: now() };
    history.revocations.push(revocation);
    const asked = endOf(token, node, key).then(
      ({ status }) => {
        const done = status >= 200 && status < 300;
        if (done) revocation.acknowledged = now();
        return done;
      },
      () => false,
    );
    underWay.add(asked);
    void asked.finally(() => underWay.delete(asked));
    return Promise.race([asked, delay(PATIENCE_MS, false)]);
  };

  const end = async (token: PooledToken): Promise<void> => {
    // The same demand each time, which is done once.
    const key = randomUUID();
    for (;;) {
      const asked = [random.of(nodes)];
      if (random.next() < SHARE_OF_TWO) asked.push(random.of(nodes));
      const done = await Promise.all(asked.map((node) => demand(token, node, key)));
      if (done.includes(true)) return;
      await delay(AGAIN_MS);
    }
  };

  /** Undefined where the node cannot. */
  const mint = (): Promise<PooledToken | undefined> => {
    const limited = withLimits && random.next() < SHARE_OF_LIMITED;
    const minting = mintToken(random.of(nodes), {
      way: random.of(WAYS),
      signed: random.next() < SHARE_OF_SIGNED,
      ...(limited && { limit: { ...NEVER_REACHED, onFault: random.of(['closed', 'open', 'local'] as const) } }),
      limits: history.limits,
    });
    return Promise.race([minting.catch(() => undefined), delay(PATIENCE_MS, undefined)]);
  };

  const work = async (): Promise<void> => {
    while (!stopped) {
      const token = pool.takeOne();
      if (token !== undefined) await end(token);
      const fresh = await mint();
      if (fresh !== undefined) pool.add(fresh);
      await delay(PACE_MS);
    }
  };

  let minted = 0;
  const fill = async (): Promise<void> => {
    while (minted < TOKENS) {
      const token = await mint();
      if (token === undefined) continue;
      pool.add(token);
      minted += 1;
    }
  };
  await Promise.all(Array.from({ length: MINTERS }, fill));
  const working = work();
  return {
    async stop() {
      stopped = true;
      await working;
      await Promise.all(underWay);
    },
  };
}

function endOf({ id, way, owner = '' }: PooledToken, node: Node, key: string): Promise<Answer> {
  const { rootToken } = node.server();
  const root = caller(node.server(), rootToken, { 'Idempotency-Key': key });
  switch (way) {
    case 'revoke':
      return root.ask('tokens.revoke', { id });
    case 'disable':
      return root.ask('tokens.update', { id, body: { enabled: false } });
    case 'rotate':
      return root.ask('tokens.rotate', { id, body: { graceSeconds: 0 } });
    case 'disable owner':
      return root.ask('owners.update', { id: owner, body: { enabled: false } });
    case 'revoke owner':
      return root.ask('tokens.revokeMany', { body: { owner } });
    case 'revoke issued before':
      return root.ask('tokens.revokeMany', { body: { owner, issuedBefore: AFTER_ALL } });
  }
}
