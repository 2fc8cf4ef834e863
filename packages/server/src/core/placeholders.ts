/** Values of a route that name the caller: `${token.id}`, `${owner.id}`, `${request.id}`. */
import type { Principal } from '@tessera/verify';

const KNOWN = ['token.id', 'owner.id', 'request.id'] as const;
export type Placeholder = (typeof KNOWN)[number];

export type Filling = Readonly<Record<Placeholder, string>>;

/** What is put in; for a token without owner, and where nobody is shown to ask, nothing is. */
export function fillingOf(requestId: string, principal: Principal | undefined): Filling {
  return { 'token.id': principal?.id ?? '', 'owner.id': principal?.owner?.id ?? '', 'request.id': requestId };
}

/** Text and placeholders by turns, starting with text. */
export interface Template {
  readonly texts: readonly string[];
  readonly names: readonly Placeholder[];
}

const WRITTEN = /\$\{([^}]*)\}/g;

/** Why a value cannot be used, or undefined where it can: a misspelt placeholder must not go out as it is written. */
export function badPlaceholder(value: string): string | undefined {
  for (const [, name = ''] of value.matchAll(WRITTEN))
    if (!isKnown(name)) return `knows \${${KNOWN.join('}, ${')}}, and no other placeholder`;
  return value.replace(WRITTEN, '').includes('${') ? 'has a placeholder without its end' : undefined;
}

/** Undefined where the value names nothing and stands as it is. Throws a RangeError on what `badPlaceholder` refuses. */
export function template(value: string): Template | undefined {
  const bad = badPlaceholder(value);
  if (bad !== undefined) throw new RangeError(`${value} ${bad}`);
  const names = [...value.matchAll(WRITTEN)].map(([, name = '']) => name).filter(isKnown);
  return names.length === 0 ? undefined : Object.freeze({ texts: value.split(/\$\{[^}]*\}/), names });
}

/**
 * The value. What is put in is percent-encoded down to unreserved characters: ids of our own are nothing else, and those
 * of foreign issuers must end neither a parameter nor a part of a header field.
 */
export function fill({ texts, names }: Template, filling: Filling): string {
  let value = texts[0] ?? '';
  for (const [index, name] of names.entries())
    value += encodeURIComponent(filling[name].toWellFormed()) + (texts[index + 1] ?? '');
  return value;
}

function isKnown(name: string): name is Placeholder {
  return KNOWN.some((known) => known === name);
}
