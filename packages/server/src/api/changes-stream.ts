/** The change feed as Server-Sent Events: what was missed, then what happens, for as long as the caller's token lives. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { concerns } from '@tessera/verify';
import type { Told } from '../core/change-order.ts';
import { knownPlace, newestPlace, type Place, placeOf } from '../core/places.ts';
import type { Store } from '../core/store-port.ts';
import type { Incoming } from '../http/edge.ts';
import { type Caller, stillHolds } from './authenticate.ts';
import type { ChangePages, PageAsked } from './change-pages.ts';
import { passes } from './passes.ts';
import type { ApiServices } from './services.ts';
import type { StreamPlaces } from './stream-places.ts';

const BEAT_MS = 1000;
/** A reader that takes nothing for so long is cut; it resumes where it was. */
const STALL_MS = 30_000;

export interface StreamRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly incoming: Incoming;
  readonly caller: Caller;
  readonly workspace: string;
  readonly since: number | undefined;
  /** Of the change `since`, as it was told. */
  readonly mark: string | undefined;
}

/** What all streams of a server have in common. */
export interface StreamParts {
  readonly services: ApiServices;
  readonly pages: ChangePages;
  readonly places: StreamPlaces;
}

export function wantsStream(request: IncomingMessage): boolean {
  return (request.headers.accept ?? '')
    .split(',')
    .some((type) => type.split(';')[0]?.trim().toLowerCase() === 'text/event-stream');
}

/** Answers until the reader leaves, stalls, or loses its right to listen. Throws `too_many`. */
export async function streamChanges(stream: StreamRequest, { services, pages, places }: StreamParts): Promise<void> {
  const { response, incoming, caller, workspace } = stream;
  const { feed } = services;
  // The reader may have left while it was judged, or while the store is asked: then nothing would ever tell that it did.
  if (response.destroyed) return;
  const leave = places.take({ token: caller.facts.id, workspace });
  services.events.followed(1);
  response.once('close', () => {
    leave();
    services.events.followed(-1);
  });
  const beginning = await beginningOf(stream, services.store);
  if (response.destroyed) return;
  let place = beginning ?? placeOf(undefined);
  /** Why the store is to be read; undefined: all that this node was told of is sent. */
  let told: PageAsked['told'] | undefined = beginning === undefined ? 'missed' : 'start';
  let beatDue = true;
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
    response.end();
  };
  response.once('close', () => ended.abort());
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': incoming.requestId,
  });
  response.write(': following\n\n');

  const fail = (error: unknown): void => {
    if (ended.signal.aborted) return;
    services.onError(error, incoming.requestId);
    end();
  };
  /** Also of beats: to a reader that takes nothing they would heap up, a little every second, for as long as it stays. */
  const send = async (text: string): Promise<void> => {
    response.write(text);
    if (response.writableNeedDrain) await drained(response, ended.signal);
  };
  // What is sent is read from the durable list, page by page as the reader takes it: nothing is skipped or told twice.
  const advance = async (asked: Pick<PageAsked, 'told' | 'known'>): Promise<void> => {
    for (let isLast = false; !isLast && !ended.signal.aborted; ) {
      const page = await pages({ workspace, since: place, ...asked });
      if (ended.signal.aborted) return;
      place = page.end;
      isLast = page.isLast;
      if (page.text !== '') await send(page.text);
    }
  };
  const pass = async (): Promise<void> => {
    // As of the beginning: what this node is told while it reads may come after what was read.
    const known = placeOf(feed.newest());
    const asOf = performance.now() - feed.lagMs();
    const why = told;
    told = undefined;
    if (why === 'missed') {
      place = await newestPlace(services.store);
      if (ended.signal.aborted) return;
      await send(beatOf('missed', place, asOf));
    }
    if (why !== undefined) await advance({ told: why, known: known.seq });
    if (!beatDue || ended.signal.aborted) return;
    beatDue = false;
    // Of other workspaces nothing is sent, so that all of it is.
    if (known.seq > place.seq) place = known;
    await send(beatOf('alive', place, asOf));
  };
  const judgeAgain = async (): Promise<void> => {
    if (!(await stillHolds(caller, { incoming, scope: 'changes:read', services }))) end();
  };

  const running = passes(pass, fail);
  const hear = (change: Told): void => {
    if (change === 'missed' || concerns(change, caller.facts)) judgeAgain().catch(fail);
    if (change !== 'missed' && change.workspace !== workspace) return;
    if (told !== 'missed') told = change === 'missed' ? 'missed' : change.seq;
    running.wake();
  };
  // What was sent may have been read ahead of this node's feed, and the reader may have asked for more: whoever comes again says what it has.
  const unsubscribe = feed.subscribe(hear, end);
  const beating = setInterval(() => {
    if (services.isDraining()) return end();
    beatDue = true;
    running.wake();
    // Expiry leaves no change behind: the token is judged with every beat.
    judgeAgain().catch(fail);
  }, BEAT_MS);
  beating.unref();
  ended.signal.addEventListener('abort', () => {
    running.stop();
    clearInterval(beating);
    unsubscribe();
  });
  running.wake();
}

/**
 * The reader has all of its workspace up to `seq`, and of what was committed before `asOf` it lacks nothing. Both times are of one clock that never
 * steps, whose zero means nothing: what is read late is known to be old by what the reader's own clock counted meanwhile.
 */
function beatOf(kind: 'alive' | 'missed', { seq, mark }: Place, asOf: number): string {
  // Rounded so that no beat vouches for more than it may.
  const data = { seq, mark, clock: Math.ceil(performance.now()), asOf: Math.floor(asOf) };
  return `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Waits until the reader took what was written; cuts one that does not. */
async function drained(response: ServerResponse, ended: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal: AbortSignal.any([ended, AbortSignal.timeout(STALL_MS)]) });
  } catch {
    response.destroy();
  }
}

/** Where the reader is, by `Last-Event-ID` or `since`, or the end of the feed; undefined: the store holds no such place, as one that was restored. */
async function beginningOf(
  { request, since, mark }: StreamRequest,
  store: Pick<Store, 'changes' | 'latestChange'>,
): Promise<Place | undefined> {
  const last = request.headers['last-event-id'];
  if (typeof last === 'string' && /^[0-9]{1,15}$/.test(last))
    return knownPlace(store, { seq: Number(last), mark: undefined });
  if (since === undefined) return newestPlace(store);
  return knownPlace(store, { seq: since, mark });
}
