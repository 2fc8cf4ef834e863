/** One connection to Redis from its handshake to its end: scripts, and what becomes of those that are not answered. */
import { isIP } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { patience, RedisAway } from './patience.ts';
import { messageOf, RedisUnsuitable, refusalOf } from './refusals.ts';
import type { Script } from './script.ts';
import { suitability } from './suitability.ts';

export interface Connection {
  /** Rejects with RedisAway in bounded time, and with what Redis says where it refuses. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Which process answers; another one may know less. */
  readonly server: string;
  /** Resolves with why, when nothing will be answered any more. Never rejects. */
  readonly ended: Promise<Error>;
  end(reason: Error): void;
}

/** For `rediss://`, in PEM: authorities that its certificate must be from (absent: those of the runtime), and what is shown to one that asks for it. */
export type RedisTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;

/** From the first look-up of the name to the last answer of the handshake. */
const HANDSHAKE_MS = 1000;
/** Commands under way at once: what Redis does in about the time that anybody waits. One more is refused at once. */
const MOST_UNDER_WAY = 10_000;

/**
 * Rejects with RedisAway or RedisUnsuitable; nothing stays open then.
 *
 * @param patient how long commands are waited for
 */
export async function connectTo(url: string, tls: RedisTls = {}, patient = patience): Promise<Connection> {
  // Loaded by those who use it: memory and time of a start that a single node does not need to spend.
  const { createClient, ErrorReply } = await import('@redis/client');
  const ended = Promise.withResolvers<Error>();
  let reason: Error | undefined;
  /** Why the connection itself failed: commands under way only hear that it did. */
  let broken: unknown;
  const end = (cause: Error): void => {
    if (reason !== undefined) return;
    reason = cause;
    waiting.end();
    if (client.isOpen) client.destroy();
    ended.resolve(cause);
  };
  const waiting = patient(end);
  const client = createClient({
    url,
    RESP: 2,
    name: 'tessera',
    // What cannot be sent now is refused now: whoever waits for it is a request.
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_UNDER_WAY,
    maintNotifications: 'disabled',
    socket: { connectTimeout: HANDSHAKE_MS, reconnectStrategy: false, ...secured(url, tls) },
  });
  client.on('error', (error: unknown) => {
    broken ??= error;
    end(new RedisAway(messageOf(error)));
  });

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

  const handshake = setTimeout(() => end(new RedisAway(silent(url))), HANDSHAKE_MS);
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
    const refusal = refusalOf(error, error instanceof ErrorReply) ?? refusalOf(broken, false);
    const failure = refusal ?? cutOff(url, broken) ?? reason ?? new RedisAway(messageOf(error));
    end(failure);
    throw failure;
  } finally {
    clearTimeout(handshake);
  }
}

/** Node sends no name by itself (RFC 6066 section 3), and who serves many from one address needs it to tell them apart. */
function secured(url: string, tls: RedisTls) {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'rediss:') return {};
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { ...tls, tls: true as const, ...(isIP(host) === 0 && { servername: host }) };
}

/** A port in clear waits for the end of what looks to it like a long line. */
function silent(url: string): string {
  return url.startsWith('rediss:') ? 'Redis does not answer in TLS' : 'Redis does not answer';
}

/** A port for TLS hears no handshake in what is said in clear. */
function cutOff(url: string, broken: unknown): RedisAway | undefined {
  const message = messageOf(broken);
  if (!url.startsWith('redis:') || !/ECONNRESET|closed unexpectedly/.test(message)) return undefined;
  return new RedisAway(
    `Redis ended the connection before it answered (${message}); a port for TLS is named by rediss://`,
  );
}
