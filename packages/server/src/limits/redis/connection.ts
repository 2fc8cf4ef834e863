/** One connection to Redis from its handshake to its end: scripts, and what becomes of those that are not answered. */
import { patience, RedisAway } from './patience.ts';
import type { Script } from './script.ts';
import { suitability } from './suitability.ts';

/** This Redis must not count for us, whatever it answers. */
export class RedisUnsuitable extends Error {
  override readonly name = 'RedisUnsuitable';
}

export interface Connection {
  /** Rejects with RedisAway in bounded time, and with what Redis says where it refuses. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Which process answers; another one may know less. */
  readonly server: string;
  /** Resolves with why, when nothing will be answered any more. Never rejects. */
  readonly ended: Promise<Error>;
  end(reason: Error): void;
}

/** From the first look-up of the name to the last answer of the handshake. */
const HANDSHAKE_MS = 1000;
/** Commands under way at once: what Redis does in about the time that anybody waits. One more is refused at once. */
const MOST_UNDER_WAY = 10_000;

/** Rejects with RedisAway or RedisUnsuitable; nothing stays open then. */
export async function connectTo(url: string): Promise<Connection> {
  // Loaded by those who use it: memory and time of a start that a single node does not need to spend.
  const { createClient, ErrorReply } = await import('@redis/client');
  const ended = Promise.withResolvers<Error>();
  let reason: Error | undefined;
  const end = (cause: Error): void => {
    if (reason !== undefined) return;
    reason = cause;
    waiting.end();
    if (client.isOpen) client.destroy();
    ended.resolve(cause);
  };
  const waiting = patience(end);
  const client = createClient({
    url,
    RESP: 2,
    name: 'tessera',
    // What cannot be sent now is refused now: whoever waits for it is a request.
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_UNDER_WAY,
    maintNotifications: 'disabled',
    socket: { connectTimeout: HANDSHAKE_MS, reconnectStrategy: false },
  });
  client.on('error', (error: unknown) => end(new RedisAway(messageOf(error))));

  const send = async (command: string[]): Promise<unknown> => {
    try {
      return await waiting.wait(() => client.sendCommand(command));
    } catch (error) {
      if (error instanceof RedisAway) throw error;
      if (!(error instanceof ErrorReply)) throw reason ?? new RedisAway(messageOf(error));
      // A replica now: the primary is found by connecting again.
      if (error.message.startsWith('READONLY')) end(new RedisAway(error.message));
      throw error;
    }
  };

  const handshake = setTimeout(() => end(new RedisAway('Redis does not answer')), HANDSHAKE_MS);
  try {
    await client.connect();
    const info = String(await send(['INFO']));
    const { server, fault, isReplica } = suitability(info);
    if (fault !== undefined) throw new RedisUnsuitable(fault);
    if (isReplica) throw new RedisAway('READONLY: this is a replica');
    return {
      async run(script, keys, args) {
        const rest = [String(keys.length), ...keys, ...args];
        try {
          return await send(['EVALSHA', script.sha, ...rest]);
        } catch (error) {
          if (!(error instanceof ErrorReply) || !error.message.startsWith('NOSCRIPT')) throw error;
          return send(['EVAL', script.text, ...rest]);
        }
      },
      server,
      ended: ended.promise,
      end,
    };
  } catch (error) {
    const failure = whyRefused(error, error instanceof ErrorReply) ?? reason ?? new RedisAway(messageOf(error));
    end(failure);
    throw failure;
  } finally {
    clearTimeout(handshake);
  }
}

/** Whoever may not come in with what is configured, and what may not count, will not be let in later either. */
function whyRefused(error: unknown, isReply: boolean): RedisUnsuitable | undefined {
  if (error instanceof RedisUnsuitable) return error;
  const message = messageOf(error);
  return isReply && /^(?:WRONGPASS|NOAUTH|NOPERM|ERR AUTH)/.test(message) ? new RedisUnsuitable(message) : undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
