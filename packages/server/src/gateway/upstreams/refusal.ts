/** What a client hears where no target takes its request. */
import { type Problem, problem } from '../../http/problem.ts';
import type { NoTarget } from './upstream.ts';

export function refusalOf({ none, retryAfterSeconds }: NoTarget): Problem {
  const headers = { 'Retry-After': String(retryAfterSeconds) };
  return problem(none === 'busy' ? 'upstream_busy' : 'upstream_unavailable', { headers });
}
