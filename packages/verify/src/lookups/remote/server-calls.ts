/** Calls to the Tessera server: JSON out and in, each bounded in time and size, and the one stream. */

export interface ServerCalls {
  /** The answer's JSON. Rejects with `ServerUnavailable` or `ServerRefused`. Asks once: a call may have cost something. */
  post(path: string, body: unknown): Promise<unknown>;
  /** As `post`, for what may be asked twice: once more at once where the connection broke, as one does that was idle for too long. */
  postAgain(path: string, body: unknown): Promise<unknown>;
  /** As `postAgain`, of what only reads. */
  getAgain(path: string): Promise<unknown>;
  /** The bytes of an event stream, until it ends or `signal` aborts. Rejects likewise. */
  stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Aborts what is under way, and refuses everything after. */
  close(): void;
}

export interface ServerCallsOptions {
  /** Origin, with or without a path; no slash at its end. */
  readonly url: string;
  /** Management token with the scope `verify`. */
  readonly token: string;
  readonly fetch: typeof globalThis.fetch;
  /** For each call, from the first byte out to the last byte in. */
  readonly timeoutMs: number;
}

/** Nobody answered, or not in time, or what answered was no Tessera server that works. */
export class ServerUnavailable extends Error {
  override readonly name = 'ServerUnavailable';
}

/** The connection could not be made, or broke before the answer was here. */
class ConnectionBroke extends ServerUnavailable {}

/** The answer is longer than is read; asked for less, the server may say it. */
export class AnswerTooLong extends ServerUnavailable {}

/** What the author of a service most often has to put right. */
const HINTS: Readonly<Record<number, string>> = {
  401: ': the token of the verifier is no management token of this server, or no longer',
  403: ': the token of the verifier needs the scope `verify`',
  404: ': this may not be the address at which the platform listens',
};

/** The server answered, and will not. */
export class ServerRefused extends Error {
  override readonly name = 'ServerRefused';
  readonly status: number;

  constructor(at: string, status: number) {
    super(`${at} was refused with ${status}${HINTS[status] ?? ''}`);
    this.status = status;
  }

  /** The token of the verifier is not, or no longer, good for this. Else it is what was said that is refused. */
  get isOfCaller(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

const EVENTS = 'text/event-stream';

/** Bytes of an answer: a hundred tokens with all the scopes they may have. */
const MAX_ANSWER = 16 * 1024 * 1024;

export function serverCalls({ url, token, fetch, timeoutMs }: ServerCallsOptions): ServerCalls {
  const underWay = new Set<AbortController>();
  let isClosed = false;

  /** Where it is sent elsewhere, the token must not follow. */
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    if (isClosed) throw new ServerUnavailable('the verifier is closed');
    const headers = { Authorization: `Bearer ${token}`, ...(init.headers as Readonly<Record<string, string>>) };
    const response = await fetch(url + path, { ...init, headers, redirect: 'error' });
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status >= 500 || response.status === 408 || response.status === 429)
      throw new ServerUnavailable(`${url}${path} was answered with ${response.status}`);
    throw new ServerRefused(url + path, response.status);
  };

  const guarded = async <T>(work: (signal: AbortSignal) => Promise<T>, path: string): Promise<T> => {
    const controller = new AbortController();
    underWay.add(controller);
    const timer = setTimeout(() => controller.abort(), timeoutMs);
    try {
      return await work(controller.signal);
    } catch (error) {
      if (error instanceof ServerRefused || error instanceof ServerUnavailable) throw error;
      const isOver = controller.signal.aborted;
      throw new (isOver ? ServerUnavailable : ConnectionBroke)(`${url}${path} could not be asked`, { cause: error });
    } finally {
      clearTimeout(timer);
      underWay.delete(controller);
    }
  };

  const asked = (path: string, init: RequestInit): Promise<unknown> =>
    guarded(async (signal) => {
      const response = await send(path, { ...init, signal });
      return JSON.parse(await textOf(response)) as unknown;
    }, path);

  const post = (path: string, body: unknown): Promise<unknown> =>
    asked(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify(body),
    });

  const again = (ask: () => Promise<unknown>): Promise<unknown> =>
    ask().catch((error: unknown) => {
      if (error instanceof ConnectionBroke) return ask();
      throw error;
    });

  return {
    post,
    postAgain: (path, body) => again(() => post(path, body)),
    getAgain: (path) => again(() => asked(path, { headers: { Accept: 'application/json' } })),
    async stream(path, signal) {
      const opening = new AbortController();
      const abort = (): void => opening.abort();
      signal.addEventListener('abort', abort, { once: true });
      underWay.add(opening);
      const timer = setTimeout(abort, timeoutMs);
      try {
        if (signal.aborted) throw new ServerUnavailable(`${path} is no longer wanted`);
        const { body, headers } = await send(path, { headers: { Accept: EVENTS }, signal: opening.signal });
        if (body !== null && headers.get('content-type')?.startsWith(EVENTS)) return body;
        await body?.cancel();
        throw new ServerUnavailable(`${url}${path} was answered with something else than events${HINTS[404]}`);
      } catch (error) {
        signal.removeEventListener('abort', abort);
        if (error instanceof ServerRefused || error instanceof ServerUnavailable) throw error;
        throw new ServerUnavailable(`${url}${path} could not be followed`, { cause: error });
      } finally {
        clearTimeout(timer);
        underWay.delete(opening);
      }
    },
    close() {
      isClosed = true;
      for (const controller of underWay) controller.abort();
    },
  };
}

/** Some answers of no content are no JSON; they say that it is done. */
async function textOf(response: Response): Promise<string> {
  if (response.body === null) return 'null';
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > MAX_ANSWER) throw new AnswerTooLong(`an answer of more than ${MAX_ANSWER} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  text += decoder.decode();
  return text === '' ? 'null' : text;
}
