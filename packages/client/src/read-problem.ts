/**
 * Reads a refusal into an error: a problem (RFC 9457), or what an OAuth endpoint says (RFC 6749 section 5.2). What the server says is
 * data: nothing of it is trusted to have its type.
 */
import { isOAuthCode } from './oauth-codes.ts';
import { type InputFault, TesseraError } from './tessera-error.ts';

/** No server of ours says more; one that is not ours may. */
const MAX_TEXT = 2000;
const MAX_FAULTS = 100;
/** What is shorter is no secret, but a piece of many words. */
const SHORTEST_SECRET = 8;

/** `secrets`: texts that are taken out wherever the server says them. */
export function readProblem(response: Response, text: string, secrets: readonly string[]): TesseraError {
  const hidden = secrets.filter(({ length }) => length >= SHORTEST_SECRET);
  const say = (value: unknown): string | undefined =>
    typeof value === 'string'
      ? hidden.reduce((told, secret) => told.replaceAll(secret, '[token]'), value).slice(0, MAX_TEXT)
      : undefined;
  const problem = parseObject(text);
  const told = oauthErrorIn(problem);
  const code = say(problem.code) ?? told?.error;
  const { status } = response;
  return new TesseraError({
    kind: code === undefined ? 'protocol' : 'problem',
    code,
    title: say(problem.title) ?? say(told?.error_description) ?? told?.error ?? `The server answered ${status}`,
    detail: say(problem.detail),
    errors: readFaults(problem.errors, say),
    status,
    requestId: say(problem.requestId) ?? say(response.headers.get('x-request-id')),
    retryAfterSeconds: readRetryAfter(response.headers),
  });
}

/** Gateways have an `error` of their own: only a code of OAuth is taken for one. */
function oauthErrorIn({ error, error_description }: Readonly<Record<string, unknown>>) {
  return isOAuthCode(error) ? { error, error_description } : undefined;
}

function readFaults(value: unknown, say: (value: unknown) => string | undefined): InputFault[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_FAULTS).flatMap((fault: unknown) => {
    if (!isObject(fault)) return [];
    return [{ pointer: say(fault.pointer) ?? '', detail: say(fault.detail) ?? '', code: say(fault.code) ?? '' }];
  });
}

/** Seconds, or a date (RFC 9110 section 10.2.3), which only means something beside the date of the answer: clocks differ. */
function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? '';
  if (/^[0-9]{1,9}$/.test(value)) return Number(value);
  const wait = Math.ceil((Date.parse(value) - Date.parse(headers.get('date') ?? '')) / 1000);
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
