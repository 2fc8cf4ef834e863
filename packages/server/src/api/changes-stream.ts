/** The change feed as Server-Sent Events: what was missed, then what happens, for as long as the caller's token lives. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Change } from '../core/model.ts';
import type { Incoming } from '../http/edge.ts';
import { type Caller, stillHolds } from './authenticate.ts';
import type { ApiServices } from './services.ts';
import { changeView } from './views.ts';

const HEARTBEAT_MS = 2000;
const PAGE = 500;
/** A reader that takes nothing for so long is cut; it resumes where it was. */
const STALL_MS = 30_000;

export interface StreamRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly incoming: Incoming;
  readonly caller: Caller;
  readonly workspace: string;
  readonly since: number | undefined;
}

export function wantsStream(request: IncomingMessage): boolean {
  return (request.headers.accept ?? '')
    .split(',')
    .some((type) => type.split(';')[0]?.trim().toLowerCase() === 'text/event-stream');
}

/** Answers until the reader leaves, stalls, or loses its right to listen. */
export async function streamChanges(stream: StreamRequest, services: ApiServices): Promise<void> {
  const { response, incoming, caller, workspace } = stream;
  let position = await startOf(stream, services);
  // The reader may have left while the store was asked, and then nothing would ever tell that it did.
  if (response.destroyed) return;
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
  // What is sent is read from the durable list, page by page as the reader takes it: nothing is skipped or told twice.
  const advance = async (): Promise<void> => {
    for (let more = true; more && !ended.signal.aborted; ) {
      const changes = await services.store.changes({ workspace, since: position, limit: PAGE });
      if (ended.signal.aborted) return;
      if (changes.length > 0) response.write(changes.map(eventOf).join(''));
      position = changes.at(-1)?.seq ?? position;
      more = changes.length === PAGE;
      if (response.writableNeedDrain) await drained(response, ended.signal);
    }
  };
  const judgeAgain = async (): Promise<void> => {
    if (!(await stillHolds(caller, { incoming, scope: 'changes:read', services }))) end();
  };

  const awake = waking(advance, fail);
  const unsubscribe = services.feed.subscribe((change) => {
    if (change === 'missed' || concerns(change, stream)) judgeAgain().catch(fail);
    if (change === 'missed' || change.workspace === workspace) awake();
  });
  const heartbeat = setInterval(() => {
    if (services.isDraining()) return end();
    response.write(': alive\n\n');
    // Expiry leaves no change behind: the token is judged with every beat.
    judgeAgain().catch(fail);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  ended.signal.addEventListener('abort', () => {
    clearInterval(heartbeat);
    unsubscribe();
  });
  awake();
}

/** Runs `work` once for any number of calls that come while it runs, and once more after them. */
function waking(work: () => Promise<void>, fail: (error: unknown) => void): () => void {
  let state: 'idle' | 'running' | 'again' = 'idle';
  const run = async (): Promise<void> => {
    do {
      state = 'running';
      await work();
    } while (isAgain(state));
    state = 'idle';
  };
  return () => {
    if (state === 'idle') run().catch(fail);
    else state = 'again';
  };
}

/** The compiler does not see that the state changed while the work was awaited. */
function isAgain(state: string): boolean {
  return state === 'again';
}

/** Waits until the reader took what was written; cuts one that does not. */
async function drained(response: ServerResponse, ended: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal: AbortSignal.any([ended, AbortSignal.timeout(STALL_MS)]) });
  } catch {
    response.destroy();
  }
}

/** `Last-Event-ID` of a reconnecting reader, else `since`, else only what comes from now on. */
async function startOf({ request, since }: StreamRequest, services: ApiServices): Promise<number> {
  const last = request.headers['last-event-id'];
  if (typeof last === 'string' && /^[0-9]{1,15}$/.test(last)) return Number(last);
  return since ?? (await services.store.latestChange());
}

/** Whether a change may end the caller's own right to listen. */
function concerns(change: Change, { caller: { facts } }: StreamRequest): boolean {
  if (change.workspace !== facts.workspace.id) return false;
  return change.kind.startsWith('token.') ? change.id === facts.id : true;
}

function eventOf(change: Change): string {
  return `id: ${change.seq}\nevent: ${change.kind}\ndata: ${JSON.stringify(changeView(change))}\n\n`;
}
