/** The `transform:` part of a route: what changes between client and upstream. */
import { parameterKey } from '@tessera/verify';
import { z } from 'zod';
import { canonicalPath } from '../core/canonical-path.ts';
import { isLeading } from '../core/compiled-rewrite.ts';
import { fieldKey } from '../core/field-key.ts';
import { badPlaceholder } from '../core/placeholders.ts';
import { checkChanges, headerChangesShape } from './header-changes.ts';
import { strictObject } from './strict-object.ts';

const PARAMETER = 'must be the name of a query parameter: letters, digits and ._~-';
const parameterName = z.string(PARAMETER).regex(/^[A-Za-z0-9._~-]{1,128}$/, PARAMETER);

const VALUE = 'must be text of at most 4096 characters, without control characters';

/** Set comes first, in front of what is left after removals; every other parameter stays as it was sent. */
const query = strictObject({
  set: z
    .record(
      parameterName,
      z.string(VALUE).regex(/^\P{Cc}{0,4096}$/u, VALUE),
      'must be a mapping of parameter names to values',
    )
    .default({})
    .describe('Parameters that the upstream gets from the gateway alone. Those of the client go, in every spelling.'),
  remove: z.array(parameterName, 'must be a list of parameter names').default([]),
}).superRefine((changes, context) => {
  checkChanges(changes, context, { keyOf: parameterKey });
  checkPlaceholders(changes.set, context, ['set']);
});

const PATH = 'must be a path such as /v2: plain segments, without "..", "//", "%", ";" and "?"';
const plainPath = z
  .string(PATH)
  .refine((path) => /^\/[^%+*]{0,1023}$/.test(path) && canonicalPath(path) === path, PATH);

const path = strictObject({
  strip: plainPath
    .optional()
    .describe('Leading segments that are taken off. Every request of the route starts with them.'),
  prefix: plainPath.optional().describe('Segments that are put in front.'),
  replace: plainPath.optional().describe('The whole path, instead of `strip` and `prefix`.'),
}).refine(({ strip, prefix, replace }) => replace === undefined || (strip === undefined && prefix === undefined), {
  path: ['replace'],
  message: 'leaves nothing to strip and to prefix',
});

const request = strictObject({ ...headerChangesShape, query: query.optional(), path: path.optional() }).superRefine(
  (changes, context) => {
    checkChanges(changes, context, { keyOf: (name) => fieldKey(lower(name)) });
    checkPlaceholders(changes.set, context, ['set']);
  },
);

const response = strictObject(headerChangesShape).superRefine((changes, context) => {
  checkChanges(changes, context, { keyOf: lower });
  for (const [name, value] of Object.entries(changes.set))
    if (value.includes('${'))
      context.addIssue({ code: 'custom', path: ['set', name], message: 'has a placeholder: those are for requests' });
});

export const routeTransform = strictObject({
  request: request.prefault({}).describe('Changes of the request on its way up.'),
  response: response.prefault({}).describe('Changes of the answer on its way down.'),
});

/** Refuses a path to strip that not every request of the route starts with. */
export function checkRewrite(
  route: { readonly match: { readonly path: string }; readonly transform: z.output<typeof routeTransform> },
  context: z.core.$RefinementCtx,
): void {
  const strip = route.transform.request.path?.strip;
  if (strip === undefined || isLeading(strip.replace(/\/$/, ''), route.match.path)) return;
  const message = `is not what every path of ${route.match.path} starts with`;
  context.addIssue({ code: 'custom', path: ['transform', 'request', 'path', 'strip'], message });
}

function checkPlaceholders(
  set: Readonly<Record<string, string>>,
  context: z.core.$RefinementCtx,
  at: readonly string[],
): void {
  for (const [name, value] of Object.entries(set)) {
    const message = badPlaceholder(value);
    if (message !== undefined) context.addIssue({ code: 'custom', path: [...at, name], message });
  }
}

function lower(name: string): string {
  return name.toLowerCase();
}
