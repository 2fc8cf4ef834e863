/** RFC 8785 canonical JSON: one text for one value, so that its hash can be compared. */

/**
 * Members sorted by UTF-16 code units, no white space; numbers and strings as ECMAScript writes them, which is what the RFC prescribes.
 * Members that are undefined are left out. Throws a TypeError on what JSON cannot hold.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${canonicalJson(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('JSON has no such number');
  // RFC 8785 section 3.2.2.2: a lone surrogate is an error, because readers would not agree on its bytes.
  if (typeof value === 'string' && !value.isWellFormed()) throw new TypeError('JSON has no lone surrogate');
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`);
  return text;
}
