/** Changes of header fields, from the configuration's words into what is applied at every request. */
import { fieldKey } from './field-key.ts';
import { type Template, template } from './placeholders.ts';

export interface ChangesConfig {
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

/** Changes of header fields: those named in `touched` (lower case) go, then `set` (name and value by turns) comes. */
export interface FieldChanges {
  readonly touched: ReadonlySet<string>;
  readonly set: readonly string[];
  /** Fields whose value names the caller; undefined: none. */
  readonly filled?: readonly FilledField[] | undefined;
}

export interface FilledField {
  readonly name: string;
  readonly template: Template;
}

/**
 * Changes of a request: `touched` holds the keys of the names, too, so that no other spelling of what a route sets or removes
 * reaches the upstream. Throws a RangeError on a placeholder that is not known.
 */
export function requestChanges({ set = {}, remove = [] }: ChangesConfig = {}): FieldChanges {
  const filled: FilledField[] = [];
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(set)) {
    const naming = template(value);
    if (naming === undefined) plain[name] = value;
    else filled.push({ name, template: naming });
  }
  const names = [...Object.keys(set), ...remove];
  const changes = fieldChanges({
    set: plain,
    remove: [...names, ...names.map((name) => fieldKey(name.toLowerCase()))],
  });
  return filled.length === 0 ? changes : Object.freeze({ ...changes, filled });
}

export function fieldChanges({ set = {}, remove = [] }: ChangesConfig = {}): FieldChanges {
  return Object.freeze({
    touched: new Set([...Object.keys(set), ...remove].map((name) => name.toLowerCase())),
    set: Object.entries(set).flat(),
  });
}

/** The first changes, and then the second: what these touch is theirs alone. */
export function bothChanges(first: FieldChanges, second: FieldChanges): FieldChanges {
  const kept = first.set.filter((_, at) => !second.touched.has((first.set[at - (at % 2)] ?? '').toLowerCase()));
  const filled = first.filled?.filter(({ name }) => !second.touched.has(name.toLowerCase()));
  return Object.freeze({
    touched: new Set([...first.touched, ...second.touched]),
    set: [...kept, ...second.set],
    filled: [...(filled ?? []), ...(second.filled ?? [])],
  });
}
