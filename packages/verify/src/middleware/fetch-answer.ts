/** An outcome as a `Response`. */
import type { FlatFields } from '../answers/problem-text.ts';
import type { Passed, Refused } from './outcome.ts';

/** An answer to HEAD has no body (RFC 9110 section 9.3.2), and not every platform drops one. */
export function refusedResponse({ status, fields, text }: Refused, method: string): Response {
  const response = new Response(method === 'HEAD' ? null : text, { status });
  setFields(response.headers, fields);
  return response;
}

/** What is added to the handler's answer: how limits stand, and `private` where caches would not know better. */
export function fieldsOfAnswer(response: Response, { fields, unknownToCaches }: Passed): FlatFields {
  return unknownToCaches && !response.headers.has('Cache-Control') ? [...fields, 'Cache-Control', 'private'] : fields;
}

/** The handler's answer with what is added. */
export function finishResponse(response: Response, passed: Passed): Response {
  const fields = fieldsOfAnswer(response, passed);
  // A network error (status 0) has no fields, and a change of protocols (101) cannot be made again.
  if (fields.length === 0 || response.status < 200) return response;
  // What came of `fetch` or `Response.redirect` cannot be changed, and there is no way to ask which it is.
  const open = new Response(response.body, response);
  setFields(open.headers, fields);
  return open;
}

function setFields(headers: Headers, fields: FlatFields): void {
  for (let at = 0; at + 1 < fields.length; at += 2) headers.set(fields[at] ?? '', fields[at + 1] ?? '');
}
