/** The parameters of a query, as any server behind us might read them: found in every spelling, left alone byte for byte. */

export interface QueryParameter {
  /** Decoded once, as forms are (application/x-www-form-urlencoded). */
  readonly name: string;
  /** Decoded. It goes on to the next `&`, whatever stands in it. */
  readonly value: string;
  /** Whether `;` stands before it: a separator to some servers, a part of the value before it to others. */
  readonly isDoubtful: boolean;
}

/** Everything that some server would take for a parameter, in order. */
export function parametersOf(query: string): readonly QueryParameter[] {
  const found: QueryParameter[] = [];
  for (const { 0: written, index: start } of query.matchAll(/[^&;]+/g)) {
    const equals = written.indexOf('=');
    const next = query.indexOf('&', start);
    const value = equals < 0 ? '' : query.slice(start + equals + 1, next < 0 ? undefined : next);
    found.push({ name: nameOf(written), value: decoded(value), isDoubtful: query[start - 1] === ';' });
  }
  return found;
}

/**
 * What different spellings of a name come down to in one server or another: ASP.NET ignores case and reads `%u0061`, PHP takes `.`
 * and spaces for `_`, ends a name at NUL and reads `name[]` as `name`, Express reads `[name]` so, and Rack `name]`. Names
 * with one key are one name.
 */
export function parameterKey(name: string): string {
  const [text = ''] = name
    .replace(/%u([0-9A-Fa-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/^[\s?[\]]+/, '')
    .split(/[[\]\0]/, 1);
  return text.trimEnd().replace(/[.\s]/g, '_').toLowerCase();
}

/** The query without the parameters that have one of these keys, up to the next `&`; everything else byte for byte. */
export function withoutParameters(query: string, keys: ReadonlySet<string>): string {
  const isOurs = (written: string): boolean => keys.has(parameterKey(nameOf(written)));
  const kept: string[] = [];
  for (const written of query.split('&')) {
    const [first = '', ...doubtful] = written.split(';');
    if (isOurs(first)) continue;
    kept.push(doubtful.some(isOurs) ? [first, ...doubtful.filter((part) => !isOurs(part))].join(';') : written);
  }
  return kept.join('&');
}

function nameOf(parameter: string): string {
  const equals = parameter.indexOf('=');
  return decoded(equals < 0 ? parameter : parameter.slice(0, equals));
}

function decoded(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  // The separators are gone already; what stands in front keeps a leading `?` from being taken for the start of a query.
  const [first] = new URLSearchParams(`x=${text}`).values();
  return first ?? '';
}
