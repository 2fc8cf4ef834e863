/** Header changes: what a route may set or remove, and what belongs to the gateway alone. */
import { z } from 'zod';
import { fieldKey } from '../core/field-key.ts';

/** Connection and framing fields (RFC 9110 section 7.6.1, RFC 9112 section 6): changing one reframes the message. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const NAME = "must be a header name: letters, digits and !#$%&'*+-.^_`|~";
const VALUE = 'must be visible ASCII text, without line breaks and without spaces at its ends';

/** A field name: token of RFC 9110 section 5.6.2. */
const headerName = z
  .string(NAME)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, NAME)
  .superRefine((name, context) => {
    const message = whyReserved(name);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

/** A field value: RFC 9110 section 5.5, without obs-text. */
const headerValue = z.string(VALUE).regex(/^(?:[!-~](?:[\t -~]{0,8190}[!-~])?)?$/, VALUE);

/** Members of header changes. Removals come first, then `set` replaces. */
export const headerChangesShape = {
  set: z.record(headerName, headerValue, 'must be a mapping of header names to values').default({}),
  remove: z.array(headerName, 'must be a list of header names').default([]),
};

/** Refuses a name that is set twice, or set and removed; `keyOf` tells which spellings are one name. */
export function checkChanges(
  { set, remove }: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] },
  context: z.core.$RefinementCtx,
  { keyOf, at = [] }: { readonly keyOf: (name: string) => string; readonly at?: readonly string[] },
): void {
  const seen = new Set<string>();
  for (const name of Object.keys(set)) {
    const plain = keyOf(name);
    if (seen.has(plain)) context.addIssue({ code: 'custom', path: [...at, 'set', name], message: 'is set twice' });
    seen.add(plain);
  }
  for (const [index, name] of remove.entries()) {
    if (!seen.has(keyOf(name))) continue;
    context.addIssue({ code: 'custom', path: [...at, 'remove', index], message: 'is set and removed' });
  }
}

function whyReserved(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (FRAMING.has(lower)) return 'belongs to the connection and cannot be changed by a route';
  // Each spelling would forge the gateway's own headers.
  return fieldKey(lower).startsWith('x-tessera-')
    ? 'is reserved: only the gateway writes X-Tessera-* headers'
    : undefined;
}
