/** The change feed as Server-Sent Events: what was missed, then what happens, for as long as the caller's token lives. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Call } from '../core/call.ts';
import type { Change } from '../core/model.ts';
import type { Incoming } from '../http/edge.ts';
import { authenticate, type Caller } from './authenticate.ts';
import type { ApiServices } from './services.ts';
import { changeView } from './views.ts';

const HEARTBEAT_MS = 2000;
const PAGE = 500;
/** A reader this far behind is cut; it resumes where it was. */
const MAX_BUFFERED_BYTES = 1_048_576;

export interface StreamRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly incoming: Incoming;
  readonly caller: Caller;
  readonly call: Call;
  readonly since: number | undefined;
}

export function wantsStream(request: IncomingMessage): boolean {
  return (request.headers.accept ?? '')
    .split(',')
    .some((type) => type.split(';')[0]?.trim().toLowerCase() === 'text/event-stream');
}

export async function streamChanges(stream: StreamRequest, services: ApiServices): Promise<void> {
  const { response, incoming, call } = stream;
  let position = await startOf(stream, services);
  let reading = false;
  let again = false;

  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': incoming.requestId,
  });
  response.write(': following\n\n');

  const end = (): void => {
    clearInterval(heartbeat);
    unsubscribe();
    if (!response.writableEnded) response.end();
  };

  // The feed only wakes the stream; what is sent is read from the durable list, so that nothing is skipped or told twice.
  const advance = async (): Promise<void> => {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      do {
        again = false;
        const changes = await services.store.changes({ workspace: call.workspace, since: position, limit: PAGE });
        for (const change of changes) {
          response.write(eventOf(change));
          position = change.seq;
        }
        again ||= changes.length === PAGE;
        if (response.writableLength > MAX_BUFFERED_BYTES) return end();
      } while (again && !response.writableEnded);
    } catch (error) {
      services.onError(error, incoming.requestId);
      end();
    } finally {
      reading = false;
    }
  };

  const judgeAgain = async (): Promise<void> => {
    const authentication = await authenticate(incoming, 'changes:read', services);
    if ('problem' in authentication) end();
  };

  const unsubscribe = services.feed.subscribe((change) => {
    if (change === 'missed' || concerns(change, stream)) void judgeAgain();
    if (change === 'missed' || change.workspace === call.workspace) void advance();
  });
  const heartbeat = setInterval(() => {
    response.write(': alive\n\n');
    // Expiry leaves no change behind: the token is judged with every beat.
    void judgeAgain();
  }, HEARTBEAT_MS);
  heartbeat.unref();
  response.on('close', end);
  await advance();
}

/** `Last-Event-ID` of a reconnecting reader, else `since`, else only what comes from now on. */
async function startOf({ request, since }: StreamRequest, services: ApiServices): Promise<number> {
  const last = request.headers['last-event-id'];
  if (typeof last === 'string' && /^[0-9]{1,15}$/.test(last)) return Number(last);
  return since ?? (await services.store.latestChange());
}

/** Whether a change may end the caller's own right to listen. */
function concerns(change: Change, { caller }: StreamRequest): boolean {
  if (change.workspace !== caller.principal.workspace.id) return false;
  return change.kind.startsWith('token.') ? change.id === caller.principal.id : true;
}

function eventOf(change: Change): string {
  return `id: ${change.seq}\nevent: ${change.kind}\ndata: ${JSON.stringify(changeView(change))}\n\n`;
}
