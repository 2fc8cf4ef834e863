/** Follows the change feed as a client does, and reads its events one by one. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';
import type { TestApi } from './api.ts';

export interface Told {
  /** Of a change. */
  readonly id: number | undefined;
  readonly kind: string;
  readonly data: {
    readonly seq: number;
    readonly mark: string;
    readonly clock: number;
    readonly asOf: number;
    readonly id?: string;
  };
}

export interface Following {
  readonly response: IncomingMessage;
  /** The next event, or the next of this kind; throws where the stream is over. */
  next(kind?: string): Promise<Told>;
  /** The next change; undefined: the stream is over. */
  change(): Promise<Pick<Told, 'id' | 'kind'> | undefined>;
}

export interface FollowOptions {
  /** Default: the root token. */
  readonly token?: string;
  readonly since?: number;
  readonly mark?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function follow(
  { listener, rootText }: TestApi,
  { token = rootText, since, mark, headers = {} }: FollowOptions = {},
): Promise<Following> {
  const request = httpRequest({
    host: '127.0.0.1',
    port: listener.port,
    path:
      since === undefined ? '/v1/changes' : `/v1/changes?since=${since}${mark === undefined ? '' : `&mark=${mark}`}`,
    agent: false,
    headers: { Authorization: `Bearer ${token}`, Accept: 'text/event-stream', ...headers },
  });
  request.on('error', () => {});
  request.end();
  onTestFinished(() => void request.destroy());
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const events = eventsOf(response);
  const first = async (isWanted: (told: Told) => boolean): Promise<Told | undefined> => {
    for (;;) {
      const { value } = await events.next();
      if (value === undefined || isWanted(value)) return value;
    }
  };
  return {
    response,
    async next(kind) {
      const told = await first((one) => kind === undefined || one.kind === kind);
      if (told === undefined) throw new Error('the stream ended');
      return told;
    },
    async change() {
      const told = await first(({ id }) => id !== undefined);
      return told && { id: told.id, kind: told.kind };
    },
  };
}

async function* eventsOf(response: IncomingMessage): AsyncGenerator<Told, undefined> {
  let rest = '';
  for await (const chunk of response) {
    rest += String(chunk);
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const found = /^(?:id: ([0-9]+)\n)?event: (\S+)\ndata: (.*)$/m.exec(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (found === null) continue;
      const [, id, kind = '', data = ''] = found;
      yield { id: id === undefined ? undefined : Number(id), kind, data: JSON.parse(data) as Told['data'] };
    }
  }
  return undefined;
}
