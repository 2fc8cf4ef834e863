/** `/metrics`: open on loopback or on a listener of its own, else for tokens with the scope `metrics:read`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { chain, newRequestId, requirement } from '@tessera/verify';
import { judge } from './core/judge.ts';
import { MANAGEMENT_AUDIENCE } from './core/tokens/facts.ts';
import type { Incoming } from './http/edge.ts';
import { problem } from './http/problem.ts';
import { refuse } from './http/refuse.ts';
import { sendProblem } from './http/send.ts';
import type { Judging } from './judging.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Door } from './platform.ts';

const required = requirement({ audience: MANAGEMENT_AUDIENCE, scopes: ['metrics:read'] });

/** What there is to read. */
export type MetricsPage = Pick<Metrics, 'contentType' | 'exposition'>;

export interface MetricsDoorOptions {
  readonly metrics: MetricsPage;
  readonly judging: Judging;
  /** Whether anybody who reaches the listener may read. */
  readonly open: boolean;
}

export function metricsDoor({ metrics, judging, open }: MetricsDoorOptions): Door {
  return (_request, response, incoming) => {
    if (open) return show(metrics, response, incoming.requestId);
    const { address, method, presented } = incoming;
    const circumstances = { address, method, url: undefined, proof: undefined, cost: 1 };
    return chain(
      judge({ presented, requirement: required, circumstances }, judging),
      (judgement): void | Promise<void> => {
        if (judgement.accepted) return show(metrics, response, incoming.requestId);
        refuse(response, judgement, { requestId: incoming.requestId, scopes: required.scopes });
      },
    );
  };
}

/** The whole of the listener that `TESSERA_METRICS_PORT` opens. */
export function metricsPage(
  metrics: MetricsPage,
): (request: IncomingMessage, response: ServerResponse) => void | Promise<void> {
  return (request, response) => {
    const requestId = newRequestId();
    if (request.url !== '/metrics')
      return sendProblem(response, problem('not_found', { detail: 'no such path' }), { requestId });
    return show(metrics, response, requestId);
  };
}

async function show(metrics: MetricsPage, response: ServerResponse, requestId: Incoming['requestId']): Promise<void> {
  const text = await metrics.exposition();
  response.writeHead(200, {
    'Content-Type': metrics.contentType,
    'Cache-Control': 'no-store',
    'X-Request-Id': requestId,
  });
  response.end(text);
}
