/** What the proxy hears: 200 and who calls, or the denial in the form that it can pass on to its client. */
import type { ServerResponse } from 'node:http';
import { type FlatFields, problemText, rateHeaders } from '@tessera/verify';
import type { Passing } from '../core/passing.ts';
import { addIdentity } from '../http/identity.ts';
import type { Problem } from '../http/problem.ts';
import { sendProblem } from '../http/send.ts';

/**
 * Some proxies know no denial but 401 and 403, and make a fault of every other one; they pass no body on either. For them
 * a denial is 403 with `X-Tessera-Denial-Status`, the status meant for the client, and `X-Tessera-Denial-Body`, its body.
 */
export type DenialForm = 'as they are' | '403';

export interface Denial {
  readonly requestId: string;
  readonly denials: DenialForm;
  /** How the limits stand. */
  readonly rates: FlatFields;
}

/** The proxy's answer to its client may be cached; ours, which holds for one request, may not. */
export function accept(response: ServerResponse, { verdict, principal }: Passing, requestId: string): void {
  const fields = [
    'Content-Length',
    '0',
    'Cache-Control',
    'no-store',
    'X-Request-Id',
    requestId,
    ...rateHeaders(verdict.limits),
  ];
  if (principal !== undefined) addIdentity(fields, principal);
  response.writeHead(200, fields);
  response.end();
}

export function deny(response: ServerResponse, problem: Problem, { requestId, denials, rates }: Denial): void {
  if (denials === 'as they are') {
    sendProblem(response, problem, { requestId, more: rates });
    return;
  }
  const body = problemText(problem, requestId);
  const told = ['X-Tessera-Denial-Status', String(problem.status), 'X-Tessera-Denial-Body', inAscii(body)];
  sendProblem(response, { ...problem, status: 403 }, { requestId, more: [...rates, ...told] });
}

/** JSON that fits into a header field: its escapes leave nothing else that does not. */
function inAscii(json: string): string {
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
