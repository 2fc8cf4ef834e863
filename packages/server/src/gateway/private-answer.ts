/** Answers to credentials that caches do not know for such, so that no shared cache keeps them by mistake. */

/**
 * A shared cache keeps no answer to a request with `Authorization`, unless the answer allows it (RFC 9111 section 3.5). To one
 * with `X-API-Key` the same must be said: adds `private`, unless the answer itself says that anybody may have it (`public`,
 * `s-maxage`) or that nobody, or no shared cache, may (`no-store`, `private`). `fields` are name and value by turns.
 */
export function keepPrivate(fields: string[]): void {
  let own: number | undefined;
  let all = '';
  for (let at = 0; at + 1 < fields.length; at += 2) {
    if (fields[at]?.toLowerCase() !== 'cache-control') continue;
    own ??= at + 1;
    all += `${fields[at + 1]},`;
  }
  if (own === undefined) fields.push('Cache-Control', 'private');
  // In front, so that nothing odd in what follows swallows it.
  else if (!isDecided(all)) fields[own] = ['private', fields[own]].filter((part) => part !== '').join(', ');
}

/** `private="Set-Cookie"` is about that field alone, and what stands in quotes is no directive (RFC 9111 section 5.2.2.7). */
function isDecided(cacheControl: string): boolean {
  return cacheControl
    .replace(/"(?:[^"\\]|\\.)*"?/g, '"')
    .split(',')
    .some((directive) => DECIDING.test(directive.trim()));
}

const DECIDING = /^(?:public|private|no-store|s-maxage=[0-9]+)$/i;
