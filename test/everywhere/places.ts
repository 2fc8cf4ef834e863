/** Where a token is presented: the doors of a node and services that judge by themselves, asked without waiting for the answer before, as strangers do. */
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { send } from '../support/send.ts';
import { type History, now, type Outcome } from './history.ts';
import type { Node, Platform } from './platform.ts';
import type { PooledToken, TokenPool } from './token-pool.ts';
import type { Verifier } from './verifier.ts';

export interface Place {
  readonly judge: string;
  readonly door: string;
  ask(token: PooledToken): Promise<Outcome>;
}

/** What a verdict says of a token that was valid and is no longer. */
const ENDED: ReadonlySet<unknown> = new Set(['revoked', 'disabled', 'rotated', 'owner_disabled']);

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

export function placesOf({ nodes, verifiers }: Pick<Platform, 'nodes' | 'verifiers'>): readonly Place[] {
  return [...nodes.flatMap((node) => [verifyOf(node), gatewayOf(node)]), ...verifiers.map(serviceOf)];
}

function verifyOf(node: Node): Place {
  return {
    judge: node.name,
    door: 'verify',
    async ask({ secret, limit }) {
      const { url, rootToken } = node.server();
      const { status, text } = await send(url, '/v1/verify', {
        method: 'POST',
        headers: { Authorization: `Bearer ${rootToken}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ token: secret }),
        agent,
      });
      if (status !== 200) return 'refused';
      const { code, limits = [] } = JSON.parse(text) as { code: string; limits?: readonly unknown[] };
      return outcomeOf(code, limit === undefined || limits.length > 0);
    },
  };
}

function serviceOf(verifier: Verifier): Place {
  return {
    judge: verifier.name,
    door: 'service',
    async ask({ secret, limit }) {
      const { code, limits } = await verifier.verdict(secret);
      return outcomeOf(code, limit === undefined || limits > 0);
    },
  };
}

/** @param told how the limit stands, where there is one */
function outcomeOf(code: string, told: boolean): Outcome {
  if (code === 'ok') return told ? 'allowed' : 'uncounted';
  if (code === 'rate_limited') return 'limited';
  return ENDED.has(code) ? 'ended' : 'refused';
}

/** What the gateway answers, in words of a verdict: a stranger hears one status for everything that is wrong with a token. */
const CODES: ReadonlyMap<number, string> = new Map([
  [200, 'ok'],
  [401, 'revoked'],
  [429, 'rate_limited'],
]);

function gatewayOf(node: Node): Place {
  return {
    judge: node.name,
    door: 'gateway',
    async ask({ secret, limit }) {
      const answer = await send(node.server().gateway, '/orders', {
        headers: { Authorization: `Bearer ${secret}` },
        agent,
      });
      const told = limit === undefined || 'ratelimit' in answer.headers;
      return outcomeOf(CODES.get(answer.status) ?? '', told);
    },
  };
}

export interface Callers {
  /** Resolves when nobody asks any more, and every answer has come. */
  stop(): Promise<void>;
}

const PACE_MS = 25;
/** Where answers are missing, calls go on: those that begin while a node stands still are the ones to look at. */
const SLOW_PACE_MS = 75;
const SLOW_FROM = 6;
const MOST_UNDER_WAY = 600;

/** Each place is asked all the time, with tokens that live and tokens that end. */
export function startCallers(places: readonly Place[], pool: TokenPool, log: History['calls']): Callers {
  const underWay = new Map(places.map((place) => [place, new Set<Promise<void>>()]));
  let stopped = false;
  const askOf = async (place: Place, calls: Set<Promise<void>>): Promise<void> => {
    while (!stopped) {
      if (calls.size < MOST_UNDER_WAY) {
        const asking = askLogged(place, pool.pick(), log).finally(() => calls.delete(asking));
        calls.add(asking);
      }
      await delay(calls.size < SLOW_FROM ? PACE_MS : SLOW_PACE_MS);
    }
    await Promise.all(calls);
  };
  const asking = [...underWay].map(([place, calls]) => askOf(place, calls));
  return {
    async stop() {
      stopped = true;
      await Promise.all(asking);
    },
  };
}

/** A broken connection is an answer of its own: nobody was let through. */
export async function askLogged(place: Place, token: PooledToken, log: History['calls']): Promise<void> {
  const { judge, door } = place;
  const start = now();
  const outcome = await place.ask(token).catch((): Outcome => 'unanswered');
  log.push({ judge, door, token: token.id, start, end: now(), outcome });
}
