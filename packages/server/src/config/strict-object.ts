/** Mappings whose every key is known, and lists without repeats: a misspelt or shadowed rule must not be a missing rule. */
import { z } from 'zod';
import { unknownName } from './problems.ts';

/** As `z.strictObject`; the message of an unknown-keys issue has one line for each key, in their order. */
export function strictObject<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownName(key, known)).join('\n')
        : `must be a mapping of ${known.join(', ')}`,
  });
}

/** Refuses the items of a list that repeat an earlier one, or whose `field` does. Absent fields repeat nothing. */
export function unique(what: string, field?: string) {
  return z.superRefine<unknown>(
    (items, context) => {
      const seen = new Map<unknown, number>();
      for (const [index, item] of (Array.isArray(items) ? items : []).entries()) {
        const key: unknown = field === undefined ? item : fieldOf(item, field);
        if (typeof key !== 'string' && typeof key !== 'number') continue;
        const first = seen.get(key);
        const path = field === undefined ? [index] : [index, field];
        if (first === undefined) seen.set(key, index);
        else context.addIssue({ code: 'custom', path, message: `repeats the ${what} of [${first}]` });
      }
    },
    // Also where items have problems of their own, so that everything is told at once: the items may be anything.
    { when: () => true },
  );
}

function fieldOf(item: unknown, field: string): unknown {
  return typeof item === 'object' && item !== null ? Reflect.get(item, field) : undefined;
}
