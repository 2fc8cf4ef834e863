/** One attempt: sends a request, reads at most so many bytes of the answer in so much time, and tells success from failure. */
import type { Reply } from './call-types.ts';
import type { Settings } from './client-options.ts';
import { readProblem } from './read-problem.ts';
import type { Request } from './request.ts';
import { TesseraError } from './tessera-error.ts';

/** @throws TesseraError, or the reason of `signal` when that aborts */
export async function exchange(
  request: Request,
  settings: Settings,
  signal: AbortSignal | undefined,
): Promise<Reply<unknown>> {
  const deadline = AbortSignal.timeout(settings.timeoutMs);
  try {
    const response = await settings.fetch(request.url, {
      method: request.method,
      headers: request.headers,
      body: request.body ?? null,
      // The management API never redirects; following one would carry requests to a place nobody named.
      redirect: 'manual',
      cache: 'no-store',
      credentials: 'omit',
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    });
    return readReply(response, await readText(response, settings.maxResponseBytes), settings);
  } catch (error) {
    if (error instanceof TesseraError) throw error;
    if (signal?.aborted === true) throw signal.reason;
    if (deadline.aborted) {
      throw new TesseraError({
        kind: 'timeout',
        code: 'timeout',
        title: `No answer within ${settings.timeoutMs} milliseconds`,
      });
    }
    throw new TesseraError({
      kind: 'network',
      code: 'network',
      title: `Could not reach ${new URL(request.url).origin}`,
      detail: systemCode(error),
    });
  }
}

function readReply(response: Response, text: string, settings: Settings): Reply<unknown> {
  const { status } = response;
  const requestId = response.headers.get('x-request-id') ?? undefined;
  if (status >= 400) throw readProblem(response, text, settings.token);
  if (status < 200 || status >= 300) {
    // A browser hides a redirect behind status 0.
    const title = 'Something answered that is not the management API (a redirect)';
    throw new TesseraError({ kind: 'protocol', code: 'protocol', title, status, requestId });
  }
  const etag = response.headers.get('etag') ?? undefined;
  if (status === 204) return { data: {}, status, etag, requestId };
  try {
    return { data: JSON.parse(text), status, etag, requestId };
  } catch {
    const title = 'Something answered that is not the management API (no JSON)';
    throw new TesseraError({ kind: 'protocol', code: 'protocol', title, status, requestId });
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
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
        code: 'protocol',
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
