/** Which form of an answer a caller asked for (RFC 9110 section 12.5.1). */

/** RFC 9701 section 4. */
export const SIGNED_TYPE = 'application/token-introspection+jwt';

/** Whether the signed form is asked for by its name, and plain JSON is not wanted more. */
export function prefersSigned(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const weights = new Map(accept.split(',').map(weighted));
  const signed = weights.get(SIGNED_TYPE) ?? 0;
  return signed > 0 && signed >= (weights.get('application/json') ?? 0);
}

function weighted(range: string): readonly [type: string, weight: number] {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = q === undefined ? 1 : Number(q.slice(2));
  return [type, Number.isFinite(weight) ? weight : 0];
}
