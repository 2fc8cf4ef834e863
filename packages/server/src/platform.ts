/** The platform listener: one edge, then the doors by path. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { newRequestId } from '@tessera/verify';
import type { Exposures } from './core/exposures.ts';
import { type EdgeOptions, type Incoming, receive } from './http/edge.ts';
import { carriesCredential, problemOfExposure } from './http/exposure.ts';
import { problem } from './http/problem.ts';
import { sendJson, sendProblem } from './http/send.ts';
import type { Readiness } from './readiness.ts';

export type Door = (request: IncomingMessage, response: ServerResponse, incoming: Incoming) => void | Promise<void>;

export interface PlatformParts {
  readonly edge: EdgeOptions;
  /** Hears of credentials that came in clear from outside, and were refused. */
  readonly exposures: Exposures;
  readonly api: Door;
  readonly forwardAuth: Door;
  readonly oauth: Door;
  readonly metrics: Door;
  readonly ready: () => Promise<Readiness>;
  readonly version: Readonly<Record<string, string>>;
  /** The OpenAPI description, serialised. */
  readonly openApi: () => string;
  /** What is published of the signing keys (RFC 7517) and of the OAuth endpoints (RFC 8414), by path. */
  readonly published: (path: string) => Door | undefined;
}

type Probe = (response: ServerResponse, requestId: string) => void | Promise<void>;

export function platformHandler(
  parts: PlatformParts,
): (request: IncomingMessage, response: ServerResponse) => void | Promise<void> {
  const probes: Readonly<Record<string, Probe>> = {
    '/healthz': (response, requestId) => sendJson(response, 200, '{"status":"ok"}', { requestId, noStore: true }),
    '/readyz': async (response, requestId) => {
      const { ready, checks } = await parts.ready();
      const status = ready ? 'ready' : 'not ready';
      sendJson(response, ready ? 200 : 503, { status, checks }, { requestId, noStore: true });
    },
  };
  const pages: Readonly<Record<string, Door>> = {
    ...Object.fromEntries(Object.entries(probes).map(([path, probe]) => [path, pageOf(probe)])),
    '/version': (_request, response, { requestId }) => sendJson(response, 200, parts.version, { requestId }),
    '/openapi.json': (_request, response, { requestId }) => sendJson(response, 200, parts.openApi(), { requestId }),
    '/metrics': parts.metrics,
  };
  return (request, response) => {
    const probe = ofBalancer(request, probes);
    if (probe !== undefined) return probe(response, newRequestId());
    const incoming = receive(request, parts.edge);
    if ('problem' in incoming) return sendProblem(response, incoming.problem, incoming);
    const { path, method, requestId } = incoming;
    if (incoming.exposed && carriesCredential(incoming.presented)) {
      parts.exposures.credential({ ...incoming, door: 'platform' });
      return sendProblem(response, problemOfExposure(incoming.presented), incoming);
    }
    if (path.startsWith('/v1/')) return parts.api(request, response, incoming);
    if (path.startsWith('/oauth/')) return parts.oauth(request, response, incoming);
    // Some proxies put the path of the original request behind ours.
    if (path === '/forward-auth' || path.startsWith('/forward-auth/'))
      return parts.forwardAuth(request, response, incoming);
    const page = Object.hasOwn(pages, path) ? pages[path] : parts.published(path);
    if (page === undefined)
      return sendProblem(response, problem('not_found', { detail: 'no such path' }), { requestId });
    if (method !== 'GET' && method !== 'HEAD')
      return sendProblem(response, problem('method_not_allowed', { headers: { Allow: 'GET, HEAD' } }), { requestId });
    return page(request, response, incoming);
  };
}

function pageOf(probe: Probe): Door {
  return (_request, response, { requestId }) => probe(response, requestId);
}

/** Load balancers ask in HTTP/1.0, which knows no Host, and nothing that a probe answers depends on one. */
function ofBalancer(
  { httpVersion, method, url = '' }: IncomingMessage,
  probes: Readonly<Record<string, Probe>>,
): Probe | undefined {
  return httpVersion === '1.0' && method === 'GET' && Object.hasOwn(probes, url) ? probes[url] : undefined;
}
