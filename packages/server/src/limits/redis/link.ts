/** The way to Redis over time: connected again by itself, refusing at once what cannot be asked, and telling of each change. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Connection, connectTo } from './connection.ts';
import { RedisAway } from './patience.ts';
import { RedisUnsuitable } from './refusals.ts';
import type { Script } from './script.ts';

/**
 * Answers what the script does. Rejects within 250 ms where Redis does not answer, at once where it is known not to, and with
 * the server's own error where it refuses. What was rejected may have been counted all the same.
 */
export type RunScript = (script: Script, keys: readonly string[], args: readonly string[]) => Promise<unknown>;

export interface RedisLink {
  readonly run: RunScript;
  isUp(): boolean;
  /** Which process answers, or answered last; empty: none yet. */
  server(): string;
  /** Resolves when the connection is closed. */
  stop(): Promise<void>;
}

export interface RedisLinkOptions {
  readonly url: string;
  /** Redis does not answer from now on. Must not throw. */
  readonly onAway: (reason: Error) => void;
  /** Redis answers. Must not throw. */
  readonly onUp: () => void;
  readonly connect?: (url: string) => Promise<Connection>;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/**
 * Resolves when Redis has answered, or did not: a node starts without it, and its limits do what they say for that case.
 *
 * @throws RedisUnsuitable where what answers must not count
 */
export async function startRedisLink({ url, onAway, onUp, connect = connectTo }: RedisLinkOptions): Promise<RedisLink> {
  const stopping = new AbortController();
  let connection: Connection | undefined;
  let server = '';
  let why: Error = new RedisAway('Redis has not answered yet');

  const follow = (next: Connection): void => {
    connection = next;
    server = next.server;
    onUp();
  };
  const away = (reason: Error): void => {
    // Each of them once: attempts that fail alike are no news.
    if (connection !== undefined || reason.message !== why.message) onAway(reason);
    connection = undefined;
    why = reason;
  };

  try {
    follow(await connect(url));
  } catch (error) {
    if (error instanceof RedisUnsuitable) throw error;
    away(asError(error));
  }
  const following = keepConnected();

  async function keepConnected(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!stopping.signal.aborted) {
      if (connection !== undefined) {
        const reason = await connection.ended;
        if (stopping.signal.aborted) return;
        away(reason);
        pause = FIRST_PAUSE_MS;
      }
      // Many nodes lose it at once, and must not all come back at once.
      await delay(pause * (0.5 + Math.random()), undefined, { signal: stopping.signal, ref: false }).catch(
        () => undefined,
      );
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      if (stopping.signal.aborted) return;
      const next = await connect(url).catch(asError);
      if (next instanceof Error) away(next);
      else if (stopping.signal.aborted) next.end(new RedisAway('stopped'));
      else follow(next);
    }
  }

  return {
    run(script, keys, args) {
      if (connection === undefined) return Promise.reject(why);
      return connection.run(script, keys, args);
    },
    isUp: () => connection !== undefined,
    server: () => server,
    async stop() {
      stopping.abort();
      why = new RedisAway('stopped');
      connection?.end(why);
      connection = undefined;
      await following;
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
