/** One attempt: sends a request, reads at most so many bytes of the answer in so much time, and tells success from failure. */
import type { Reply } from './call-types.ts';
import type { Settings } from './client-options.ts';
import { readProblem } from './read-problem.ts';
import type { Request } from './request.ts';
import { TesseraError } from './tessera-error.ts';

export interface Bounds {
  /** Ends the attempt with its reason. */
  readonly signal: AbortSignal | undefined;
  /** From the first byte out to the last byte in. */
  readonly timeoutMs: number;
}

/** @throws TesseraError, or the reason of `signal` when that aborts */
export async function exchange(
  request: Request,
  settings: Settings,
  { signal, timeoutMs }: Bounds,
): Promise<Reply<unknown>> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const both = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  try {
    const response = await sendRequest(request, settings, both);
    const text = await readText(response, settings.maxResponseBytes);
    return readReply(response, text, { request, settings });
  } catch (error) {
    throw failureOf(error, request, { signal, timedOut: deadline.aborted, timeoutMs });
  }
}

export function sendRequest(
  { method, url, headers, body }: Request,
  settings: Settings,
  signal: AbortSignal,
): Promise<Response> {
  return settings.fetch(url, {
    method,
    headers,
    body: body ?? null,
    // The management API never redirects; following one would carry requests to a place nobody named.
    redirect: 'manual',
    cache: 'no-store',
    credentials: 'omit',
    signal,
  });
}

/** What to throw for what was thrown: an error of this client, or the reason of the caller's signal. */
export function failureOf(
  error: unknown,
  { url }: Pick<Request, 'url'>,
  { signal, timedOut, timeoutMs }: Bounds & { readonly timedOut: boolean },
): unknown {
  if (error instanceof TesseraError) return error;
  if (signal?.aborted === true) return signal.reason;
  if (timedOut) return new TesseraError({ kind: 'timeout', title: `No answer within ${timeoutMs} milliseconds` });
  const title = `Could not reach ${new URL(url).origin}`;
  return new TesseraError({ kind: 'network', title, detail: systemCode(error) });
}

interface Asked {
  readonly request: Request;
  readonly settings: Settings;
}

function readReply(response: Response, text: string, { request, settings }: Asked): Reply<unknown> {
  const { status } = response;
  if (status < 200 || status >= 300) throw refusalOf(response, text, [settings.token, ...(request.secrets ?? [])]);
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const etag = response.headers.get('etag') ?? undefined;
  if (status === 204 || request.answersNothing === true) return { data: {}, status, etag, requestId };
  try {
    return { data: JSON.parse(text), status, etag, requestId };
  } catch {
    throw notOurs('no JSON', response);
  }
}

/** The error for an answer that is none. */
export function refusalOf(response: Response, text: string, secrets: readonly string[]): TesseraError {
  // A browser hides a redirect behind status 0.
  return response.status >= 400 ? readProblem(response, text, secrets) : notOurs('a redirect', response);
}

export function notOurs(what: string, { status, headers }: Response): TesseraError {
  const title = `Something answered that is not the management API (${what})`;
  return new TesseraError({ kind: 'protocol', title, status, requestId: headers.get('x-request-id') ?? undefined });
}

export async function readText(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  // Leaving the loop by an error cancels the rest of the body.
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > maxBytes) {
      throw new TesseraError({
        kind: 'protocol',
        title: `The answer is longer than ${maxBytes} bytes`,
        status: response.status,
      });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Such as `ECONNREFUSED`. The error itself is dropped: it may quote headers. */
function systemCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string' && /^[A-Z][A-Z0-9_]{1,50}$/.test(at.code)) return at.code;
  }
  return undefined;
}
