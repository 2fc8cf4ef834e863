/**
 * Hints that PostgreSQL pushes: a connection of its own that does nothing but LISTEN. It is believed only while it carries an
 * echo from end to end, since one through a pooler looks healthy and hears nothing, and one through a dead line, too.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Hearing } from '../../core/store-port.ts';
import type { StoreLog } from '../engine.ts';

export const CHANNEL = 'tessera_changes';

const CONNECT_MS = 1500;
const ECHO_MS = 1000;
const BETWEEN_ECHOES_MS = 5000;
const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 10_000;

/** Listens until the returned function is called; a connection that is lost is made anew, ever more slowly. */
export function listening(url: string, hearing: Hearing, log: StoreLog | undefined): () => void {
  const ended = new AbortController();
  const run = async (): Promise<void> => {
    let backoff = FIRST_BACKOFF_MS;
    let told = false;
    while (!ended.signal.aborted) {
      let heard = false;
      const onEcho = (): void => {
        if (!heard) hearing.heard(true);
        heard = true;
      };
      try {
        await listenOnce(url, ended.signal, { onEcho, onHint: hearing.changed });
      } catch (err) {
        if (ended.signal.aborted) return;
        if (heard) {
          hearing.heard(false);
          backoff = FIRST_BACKOFF_MS;
          told = false;
        }
        // Once for each outage.
        if (!told) log?.warn({ err }, 'PostgreSQL pushes no hints of changes; they are polled for');
        told = true;
      }
      // At random: many nodes lost it at the same moment.
      await delay(backoff * (0.5 + Math.random()), undefined, { signal: ended.signal }).catch(() => undefined);
      backoff = Math.min(2 * backoff, LONGEST_BACKOFF_MS);
    }
  };
  void run();
  return () => ended.abort();
}

/** Rejects when the connection is lost, or no longer carries an echo. */
async function listenOnce(
  url: string,
  ended: AbortSignal,
  { onEcho, onHint }: { readonly onEcho: () => void; readonly onHint: (seq: number) => void },
): Promise<never> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ECHO_MS,
    statement_timeout: ECHO_MS,
    application_name: 'tessera feed',
    keepAlive: true,
  });
  const { promise: lost, reject: lose } = Promise.withResolvers<never>();
  // Whoever waits for it hears; before that, nobody needs to.
  lost.catch(() => undefined);
  const end = (): void => lose(new Error('no longer listening'));
  ended.addEventListener('abort', end, { once: true });
  client.on('error', lose);
  client.on('end', () => lose(new Error('the connection was closed')));
  try {
    await Promise.race([client.connect(), lost]);
    const echo = `tessera_echo_${randomBytes(8).toString('hex')}`;
    let echoed = (): void => undefined;
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === CHANNEL) onHint(Number(payload));
      else if (channel === echo) echoed();
    });
    await Promise.race([client.query(`listen ${CHANNEL}; listen ${echo}`), lost]);
    for (;;) {
      const { promise: heard, resolve } = Promise.withResolvers<void>();
      echoed = resolve;
      await Promise.race([client.query(`notify ${echo}`), lost]);
      await Promise.race([heard, lost, silence(ended)]);
      onEcho();
      await Promise.race([delay(BETWEEN_ECHOES_MS, undefined, { signal: ended }), lost]);
    }
  } finally {
    ended.removeEventListener('abort', end);
    void client.end().catch(() => undefined);
  }
}

async function silence(ended: AbortSignal): Promise<never> {
  await delay(ECHO_MS, undefined, { signal: ended });
  throw new Error('what the connection was sent to hear did not come back');
}
