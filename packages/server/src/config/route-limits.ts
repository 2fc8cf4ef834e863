/** What a route's configuration says of counting: rate limits, quotas, requests at once; and what a request costs. */
import { z } from 'zod';
import { type CountingConfig, namesOf } from '../core/compiled-limits.ts';
import { duration } from './duration.ts';
import { oneOf, wholeNumber } from './plain-values.ts';
import type { Finding } from './schema-problems.ts';
import { strictObject, unique } from './strict-object.ts';

/** 31 days. */
const LONGEST_WINDOW_SECONDS = 2_678_400;
const MOST = 1_000_000;
const MOST_IN_A_PERIOD = 1_000_000_000_000;

const count = (max: number) => wholeNumber(1, max);

const name = z
  .string('must be a name')
  .regex(/^[a-z0-9_-]{1,64}$/, 'must be 1 to 64 of a-z, 0-9, _ and -')
  .optional();

const onFault = oneOf('closed', 'open', 'local')
  .default('closed')
  .describe(
    'What happens while what counts it does not answer. `closed`: requests are refused with 503. `open`: they pass ' +
      'uncounted. `local`: each process counts by itself meanwhile.',
  );

/** Whether a policy refuses, or only tells what it would have refused. */
export const mode = oneOf('enforce', 'shadow')
  .default('enforce')
  .describe('`shadow`: judged, counted and told in log and metrics, but never refusing.');

const limit = strictObject({
  name,
  limit: count(MOST).describe('Requests in a window.'),
  window: duration(1, LONGEST_WINDOW_SECONDS).describe('Seconds, or a text such as "1m".'),
  burst: count(MOST).optional().describe('Requests that may pass at once. Without it as many as `limit`.'),
  cost: count(MOST).default(1).describe("What a request costs, times the route's cost."),
  mode: oneOf('exact', 'approximate', 'shadow')
    .default('exact')
    .describe(
      'Over several nodes with Redis: `exact` asks it for each request, `approximate` takes shares that are spent without ' +
        'asking, and may pass a second of its pace more. `shadow`: counted exactly and told in log and metrics, but never refusing.',
    ),
  by: oneOf('token', 'owner', 'api', 'address').default('token').describe('Whose counter it is.'),
  onFault,
})
  .transform((rule) => ({ ...rule, burst: rule.burst ?? rule.limit }))
  .refine((rule) => rule.cost <= rule.burst, {
    path: ['cost'],
    message: 'is more than the burst: no request could ever pass',
  });

const quota = strictObject({
  name,
  limit: count(MOST_IN_A_PERIOD).describe('Requests in a period.'),
  period: oneOf('day', 'month').describe('Calendar day or month, UTC.'),
  by: oneOf('token', 'owner', 'api', 'address').default('token').describe('Whose counter it is.'),
  mode,
  onFault,
});

const concurrency = strictObject({
  name,
  limit: count(MOST).describe('Requests under way at once. Of several nodes each has its share, and at least one.'),
  by: oneOf('token', 'owner', 'api', 'address', 'route')
    .default('token')
    .describe('Whose counter it is; `route`: one for all requests of the route.'),
  mode,
  onFault,
});

/** The members of a route that {@link checkCosts} looks at together. */
export const routeCounting = {
  limits: z.array(limit, 'must be a list of limits').check(unique('name', 'name')).default([]),
  quota: quota.optional().describe('One quota; the short form of `quotas`.'),
  quotas: z
    .array(quota, 'must be a list of quotas')
    .check(unique('name', 'name'))
    .optional()
    .describe('Quotas; all of them count, or none.'),
  concurrency: z
    .array(concurrency, 'must be a list of concurrency limits')
    .check(unique('name', 'name'))
    .default([])
    .describe('Limits of the requests under way at once. A place is held until the answer has ended.'),
  cost: count(MOST)
    .default(1)
    .describe('What a request of this route costs of every limit, quota and credit that counts it.'),
  refund: oneOf('upstream-failure', 'server-errors', 'never')
    .default('upstream-failure')
    .describe(
      'When quotas and credits get back what a request spent: where the upstream gave no answer; where it answered ' +
        '5xx, too; or never.',
    ),
};

export interface RouteCounting extends Omit<CountingConfig, 'name'> {
  readonly cost: number;
  readonly limits: readonly z.output<typeof limit>[];
}

/** Refuses what could never pass, or says one thing twice. */
export function checkCosts(route: RouteCounting, context: z.core.$RefinementCtx): void {
  const { cost, limits, quota, quotas = [] } = route;
  const issue = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  if (quota !== undefined && quotas.length > 0) issue(['quota'], 'must not be given together with quotas');
  const dear = "is less than the route's cost: no request could ever pass";
  for (const [index, rule] of limits.entries())
    if (cost > 1 && rule.cost * cost > rule.burst)
      issue(['limits', index, 'cost'], "times the route's cost is more than the burst: no request could ever pass");
  if (quota !== undefined && quota.limit < cost) issue(['quota', 'limit'], dear);
  for (const [index, rule] of quotas.entries()) if (rule.limit < cost) issue(['quotas', index, 'limit'], dear);
  for (const [kind, names] of Object.entries(namesOf({ name: '', ...route }))) {
    // A name that is written twice is told where it is written.
    for (const [index, name] of names.entries())
      if (names.indexOf(name) < index && route[kind as 'limits']?.[index]?.name === undefined)
        issue([kind, index], `is called ${name}, as [${names.indexOf(name)}] is: give it a name of its own`);
  }
}

/** What is tried out lets through, and a route that does so for good is open: said at each start and check, by name. */
export function shadowWarnings(
  routes: readonly { readonly name: string; readonly mode: 'enforce' | 'shadow' }[],
): readonly Finding[] {
  return routes.flatMap(({ name, mode }, index) => {
    const message = `is shadow: route ${name} refuses nobody; whoever asks, with any token or none, reaches its upstream`;
    return mode === 'shadow' ? [{ path: ['routes', index, 'mode'], message }] : [];
  });
}
