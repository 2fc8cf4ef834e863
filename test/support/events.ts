/** Reads Server-Sent Events as a client of the change feed does. */
import type { Server } from './server.ts';

export interface FeedEvent {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly seq: number; readonly kind: string; readonly id: string };
}

export interface Following {
  readonly status: number;
  readonly contentType: string | null;
  /** The next event; undefined where the server ended the stream. */
  next(): Promise<FeedEvent | undefined>;
  leave(): Promise<void>;
}

export async function follow(
  { url }: Pick<Server, 'url'>,
  token: string,
  { lastEventId, since }: { readonly lastEventId?: string; readonly since?: number } = {},
): Promise<Following> {
  const response = await fetch(`${url}/v1/changes${since === undefined ? '' : `?since=${since}`}`, {
    headers: {
      Authorization: `Bearer ${token}`,
      Accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }),
    },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const next = async (): Promise<FeedEvent | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const event = eventOf(text.slice(0, end));
        text = text.slice(end + 2);
        if (event !== undefined) return event;
        continue;
      }
      const part = await reader?.read();
      if (part === undefined || part.done) return undefined;
      text += part.value;
    }
  };
  return {
    status: response.status,
    contentType: response.headers.get('content-type'),
    next,
    leave: async () => reader?.cancel(),
  };
}

/** Undefined for a comment, and for a beat, which tells of no change. */
function eventOf(block: string): FeedEvent | undefined {
  const fields = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.replace(/^\w*: ?/, '')]),
  );
  const data = fields.get('data');
  if (data === undefined || fields.get('event') === 'alive') return undefined;
  return { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(data) };
}
