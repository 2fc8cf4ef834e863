/** The `cors:` part of a route: which pages of other origins may call it from a browser. */
import { z } from 'zod';
import { duration } from './duration.ts';
import { originOf } from './origin.ts';
import { flag } from './plain-values.ts';
import { strictObject, unique } from './strict-object.ts';

const ORIGIN = 'must be an origin such as https://app.example.com, without path, or "*" for every origin';
const origin = z
  .string(ORIGIN)
  // A pattern would be taken for a host name, and match nobody.
  .refine((text) => text === '*' || (!text.includes('*') && originOf(text) !== undefined), ORIGIN)
  .transform((text) => originOf(text) ?? text);

const METHOD = 'must be a method in capitals, such as GET';
const NAME = 'must be a header name: letters, digits, _ and -';
const names = z
  .array(z.string(NAME).regex(/^[A-Za-z0-9_-]{1,128}$/, NAME), 'must be a list of header names')
  .check(unique('name'));

export const routeCors = strictObject({
  origins: z
    .array(origin, 'must be a list of origins')
    .min(1, 'must name an origin')
    .check(unique('origin'))
    .describe('Origins whose pages may call, compared exactly; `*` for every origin, without cookies.'),
  methods: z
    .array(z.string(METHOD).regex(/^[A-Z]{1,32}$/, METHOD), 'must be a list of methods')
    .min(1, 'must name a method; without "methods" every method of the route may be used')
    .check(unique('method'))
    .optional()
    .describe('Methods that pages may use. Without it those that the route takes.'),
  headers: names
    .default([])
    .describe(
      'Request headers that pages may send, beside Authorization, Content-Type, DPoP, X-API-Key and X-Request-Id.',
    ),
  exposeHeaders: names.default([]).describe('Answer headers that pages may read, beside those of the gateway.'),
  credentials: flag.default(false).describe('Whether pages may send cookies. A token in Authorization needs it not.'),
  maxAge: duration(0, 86_400).default(600).describe('How long a browser may remember the answer to a preflight.'),
}).superRefine(({ origins, credentials }, context) => {
  if (!origins.includes('*')) return;
  if (origins.length > 1)
    context.addIssue({
      code: 'custom',
      path: ['origins'],
      message: 'names "*" and others: "*" is every origin already',
    });
  if (credentials)
    context.addIssue({
      code: 'custom',
      path: ['credentials'],
      message: 'cannot be true for every origin: any page could act with the cookies of its visitor',
    });
});

/** Refuses two answers to one question: the rules here, and a header set by hand. */
export function checkCors(
  route: {
    readonly cors?: unknown;
    readonly transform: { readonly response: { readonly set: Readonly<Record<string, string>> } };
  },
  context: z.core.$RefinementCtx,
): void {
  if (route.cors === undefined) return;
  for (const name of Object.keys(route.transform.response.set)) {
    if (!name.toLowerCase().startsWith('access-control-')) continue;
    const message = 'is written by the gateway, as `cors` says';
    context.addIssue({ code: 'custom', path: ['transform', 'response', 'set', name], message });
  }
}
