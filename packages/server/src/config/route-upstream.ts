/** The `upstream:` part of a route: where its requests go, and how the targets are treated. */
import { z } from 'zod';
import { type TlsMaterial, UPSTREAM_DEFAULTS } from '../core/compiled-upstream.ts';
import { duration } from './duration.ts';
import { originOf } from './origin.ts';
import { flag, oneOf, wholeNumber } from './plain-values.ts';
import { strictObject, unique } from './strict-object.ts';
import { path as filePath } from './value-types.ts';

const DAY_SECONDS = 86_400;

const ORIGIN = 'must be an http or https origin such as http://127.0.0.1:9000, without path, query and user';
const origin = z
  .string(ORIGIN)
  .refine((written) => originOf(written) !== undefined, ORIGIN)
  .transform((written) => originOf(written) ?? written);

const target = strictObject({
  url: origin.describe('Origin: scheme, host and port.'),
  weight: wholeNumber(1, 1000).default(UPSTREAM_DEFAULTS.weight).describe('Share of the requests, beside the others.'),
  maxConcurrent: wholeNumber(1, 100_000)
    .default(UPSTREAM_DEFAULTS.maxConcurrent)
    .describe('Requests of this route that it may have at a time. Where every target is full: 503 `upstream_busy`.'),
});

const STATUSES = 'must be a list of statuses from 200 to 599';
const statuses = z
  .array(z.int(STATUSES).min(200, STATUSES).max(599, STATUSES), STATUSES)
  .min(1, 'must name a status')
  .check(unique('status'));

const PATH = 'must be a path such as /healthz, with or without a query';
const health = strictObject({
  path: z
    .string(PATH)
    .regex(/^\/(?!\/)[!-~]{0,1024}$/, PATH)
    .describe('Path of the question, a GET.'),
  interval: duration(1, DAY_SECONDS)
    .prefault(UPSTREAM_DEFAULTS.health.interval)
    .describe('Time between two questions.'),
  timeout: duration(1, DAY_SECONDS).prefault(UPSTREAM_DEFAULTS.health.timeout).describe('Time for an answer.'),
  healthy: wholeNumber(1, 100)
    .default(UPSTREAM_DEFAULTS.health.healthy)
    .describe('Good answers in a row that make a target healthy again.'),
  unhealthy: wholeNumber(1, 100)
    .default(UPSTREAM_DEFAULTS.health.unhealthy)
    .describe('Bad answers in a row that make it unhealthy.'),
  status: statuses.optional().describe('Good statuses. Without them 200 to 299.'),
}).refine(({ interval, timeout }) => timeout <= interval, {
  path: ['timeout'],
  message: 'is longer than the interval',
});

const { eject: ejectDefaults } = UPSTREAM_DEFAULTS;
const eject = strictObject({
  failures: wholeNumber(1, 1000)
    .default(ejectDefaults.failures)
    .describe('Failures in a row that take a target out of service.'),
  for: duration(1, DAY_SECONDS)
    .prefault(ejectDefaults.for)
    .describe('Time out of service until one request tries it again. Doubles with each trial that fails.'),
  longest: duration(1, DAY_SECONDS).prefault(ejectDefaults.longest).describe('Longest that it grows to.'),
  maxShare: wholeNumber(0, 100)
    .default(ejectDefaults.maxShare)
    .describe(
      'Percent of the targets that bad answers may take out. Those that cannot be reached go out without a bound.',
    ),
  ramp: duration(0, DAY_SECONDS)
    .prefault(ejectDefaults.ramp)
    .describe('Time in which a target that comes back grows from a tenth to its full weight.'),
  status: statuses.default([...ejectDefaults.status]).describe('Statuses that count as failures.'),
}).refine(({ for: first, longest }) => first <= longest, { path: ['for'], message: 'is more than the longest' });

const EJECT = 'must be a mapping or false';

const { timeouts: timeoutDefaults } = UPSTREAM_DEFAULTS;
const timeouts = strictObject({
  connect: duration(1, 300).prefault(timeoutDefaults.connect).describe('Until there is a connection, TLS included.'),
  response: duration(1, DAY_SECONDS).prefault(timeoutDefaults.response).describe('Until the answer begins.'),
  idle: duration(1, DAY_SECONDS).prefault(timeoutDefaults.idle).describe('Longest silence inside an answer.'),
});

const SERVER_NAME = 'must be a host name';
const file = (what: string) => filePath.schema.optional().describe(what);
/** The content of the files is filled in by the reader of the configuration. */
const UNREAD: TlsMaterial = Object.freeze({});

const tls = strictObject({
  ca: file('PEM file of the authorities that may vouch for the targets, in place of those that the system trusts.'),
  certificate: file('PEM file of a client certificate, with what leads from it to its authority.'),
  key: file('PEM file of its private key, without a passphrase.'),
  serverName: z
    .string(SERVER_NAME)
    .regex(/^(?=.{1,253}$)(?=.*[A-Za-z])[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/, SERVER_NAME)
    .optional()
    .describe(
      "Name that the targets' certificates must have, and that is asked for (SNI). Without it the host of the url.",
    ),
  verify: flag
    .default(true)
    .describe('Dangerous if false: anyone on the way to the targets can pose as one, and read and change what passes.'),
})
  .superRefine(({ ca, certificate, key, verify }, context) => {
    const refuse = (at: string, message: string): void => context.addIssue({ code: 'custom', path: [at], message });
    if (certificate !== undefined && key === undefined) refuse('certificate', 'needs its "key"');
    if (key !== undefined && certificate === undefined) refuse('key', 'needs its "certificate"');
    if (ca !== undefined && !verify) refuse('verify', 'cannot be false where "ca" says what to verify with');
  })
  .transform((settings) => ({ ...settings, material: UNREAD }));

const full = strictObject({
  targets: z
    .array(target, 'must be a list of targets')
    .min(1, 'must name a target')
    .check(unique('url', 'url'))
    .describe('Where the requests go.'),
  balance: oneOf('round-robin', 'least-pending')
    .default(UPSTREAM_DEFAULTS.balance)
    .describe('Who is next: by turns, or who has the fewest requests under way; both by weight.'),
  health: health.optional().describe('Asks each target from time to time. Without it nobody does.'),
  eject: z
    .union([z.literal(false), eject], EJECT)
    .prefault({})
    .describe('When failed requests take a target out of service. `false`: never.'),
  timeouts: timeouts.prefault({}),
  retries: wholeNumber(0, 10)
    .default(UPSTREAM_DEFAULTS.retries)
    .describe(
      'Other targets that an idempotent request is offered to, where nothing of it was sent to the one before.',
    ),
  tls: tls.optional().describe('For https targets. Without it they are verified with what the system trusts.'),
}).superRefine(({ targets, tls: settings }, context) => {
  if (settings === undefined || targets.some(({ url }) => url.startsWith('https:'))) return;
  context.addIssue({ code: 'custom', path: ['tls'], message: 'is for https targets, and there is none' });
});

const short = origin.transform((url) => full.parse({ targets: [{ url }] }));

/** An origin alone, or everything. */
export const upstream = z.union([short, full], ORIGIN);
