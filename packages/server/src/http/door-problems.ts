/** What doors answer beside the problems of the management API and the denials: code, status and title (RFC 9457). */
import type { ProblemMeaning } from '@tessera/contract';
import { denials } from '@tessera/verify';

export const doorProblems = {
  invalid_token: {
    status: 401,
    title: denials.unknown.public,
    meaning: 'What strangers hear of every credential that is refused as such, so that no answer tells which exist.',
  },
  expectation_failed: {
    status: 417,
    title: 'Only the expectation 100-continue can be met',
    meaning: 'Another `Expect`.',
  },
  websocket_version: {
    status: 426,
    title: 'Only version 13 of the WebSocket protocol is spoken here',
    meaning: 'Another `Sec-WebSocket-Version`, or none.',
  },
  upgrade_unsupported: {
    status: 501,
    title: 'This connection cannot change its protocol',
    meaning: 'An offer of another protocol than WebSocket, over HTTP/2, or behind a request that is not answered yet.',
  },
  upstream_failed: {
    status: 502,
    title: 'The upstream did not give a valid answer',
    meaning: 'It could not be reached, broke off, or broke the protocol.',
  },
  upstream_busy: {
    status: 503,
    title: 'The upstream has as many requests as it may have',
    meaning: 'Every target in service has `maxConcurrent` requests.',
  },
  upstream_unavailable: {
    status: 503,
    title: 'The upstream is out of service',
    meaning: 'Checks or failed requests took every target out; `Retry-After` says when one is tried again.',
  },
  upstream_timeout: {
    status: 504,
    title: 'The upstream did not answer in time',
    meaning: 'No connection, or no answer, within the `timeouts` of the route.',
  },
} as const satisfies Record<string, ProblemMeaning>;
