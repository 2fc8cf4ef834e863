/** What a client is made with: read once, checked, and frozen with every default in place. */

export interface ClientOptions {
  /** Where the platform listens, such as `http://127.0.0.1:8420`; a path in it is kept. */
  readonly baseUrl: string | URL;
  /** A management token. It is sent to `baseUrl` and nowhere else. */
  readonly token: string;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Id of the workspace to act in; the root token alone may name one that is not its own. */
  readonly workspace?: string | undefined;
  readonly userAgent?: string | undefined;
  /** For each attempt, from the first byte out to the last byte in; default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** For a call with all its attempts and the pauses between them; default 60,000. */
  readonly deadlineMs?: number | undefined;
  /** Attempts after the first; 0 to 10, default 3. */
  readonly retries?: number | undefined;
  /** Bytes of an answer above which it is refused; default 16 MiB. */
  readonly maxResponseBytes?: number | undefined;
  /** Ends every call of this client when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Waits between attempts; default: a timer. Rejects when the signal aborts. */
  readonly pause?: Pause | undefined;
  /** Milliseconds on a clock that never steps; default `performance.now`. */
  readonly now?: (() => number) | undefined;
}

export type Pause = (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;

/** {@link ClientOptions} with every default in place. */
export interface Settings {
  readonly baseUrl: string;
  readonly token: string;
  readonly fetch: typeof globalThis.fetch;
  readonly workspace: string | undefined;
  readonly userAgent: string;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly retries: number;
  readonly maxResponseBytes: number;
  readonly signal: AbortSignal | undefined;
  readonly pause: Pause;
  readonly now: () => number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_DEADLINE_MS = 60_000;
/** A timer of Node and of browsers fires at once above this. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const DEFAULT_RETRIES = 3;
const MAX_RETRIES = 10;
const DEFAULT_MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
/** What may stand in a header after `Bearer`; anything else would make `fetch` throw an error that quotes it. */
const SENDABLE = /^[\x21-\x7e]{1,16384}$/;

/** @throws RangeError naming the option that cannot be used, never its value */
export function readOptions(options: ClientOptions): Settings {
  if (!SENDABLE.test(options.token)) throw new RangeError('token must be printable ASCII without spaces');
  if (options.workspace !== undefined && !SENDABLE.test(options.workspace)) {
    throw new RangeError('workspace must be an id like ws_...');
  }
  return Object.freeze({
    baseUrl: readBaseUrl(options.baseUrl),
    token: options.token,
    fetch: options.fetch ?? globalThis.fetch,
    workspace: options.workspace,
    userAgent: options.userAgent ?? 'tessera-client/0.1.0',
    timeoutMs: whole('timeoutMs', options.timeoutMs ?? DEFAULT_TIMEOUT_MS, [1, MAX_TIMEOUT_MS]),
    deadlineMs: whole('deadlineMs', options.deadlineMs ?? DEFAULT_DEADLINE_MS, [1, MAX_TIMEOUT_MS]),
    retries: whole('retries', options.retries ?? DEFAULT_RETRIES, [0, MAX_RETRIES]),
    maxResponseBytes: whole('maxResponseBytes', options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES, [
      1,
      Number.MAX_SAFE_INTEGER,
    ]),
    signal: options.signal,
    pause: options.pause ?? timer,
    now: options.now ?? (() => performance.now()),
  });
}

function readBaseUrl(value: string | URL): string {
  const url = URL.parse(String(value));
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new RangeError('baseUrl must be an http or https URL');
  }
  if (url.username !== '' || url.password !== '') throw new RangeError('baseUrl must not hold a user or a password');
  if (url.search !== '' || url.hash !== '') throw new RangeError('baseUrl must not have a query or a fragment');
  return url.href.replace(/\/+$/, '');
}

function whole(name: string, value: number, [min, max]: readonly [number, number]): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be a whole number from ${min} to ${max}`);
  }
  return value;
}

function timer(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const stop = (): void => {
      clearTimeout(handle);
      reject(signal?.reason);
    };
    const handle = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
