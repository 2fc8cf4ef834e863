/** What a schema finds wrong, as places and messages: one for each unknown key, and the right branch of an either-or. */
import type { z } from 'zod';
import type { Path } from './problems.ts';

export interface Finding {
  readonly path: Path;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** Findings of a failed parse of `value`. */
export function findingsOf(issues: readonly Issue[], value: unknown): readonly Finding[] {
  return issues.flatMap((issue) => findings(issue, [], value));
}

function findings(issue: Issue, parent: Path, value: unknown): readonly Finding[] {
  const path = [...parent, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => ({ path: [...path, key], message: messages[index] ?? '' }));
  }
  if (issue.code === 'invalid_key') return issue.issues.flatMap((inner) => findings(inner, path, value));
  if (issue.code === 'invalid_union') {
    // The branch that fails inside is the one that was meant; where all fail outright, the message of the whole says so.
    const meant = issue.errors.find((branch) => branch.every(isInside));
    if (meant !== undefined) return meant.flatMap((inner) => findings(inner, path, value));
  }
  return [{ path, message: whyAbsent(path, value) ?? issue.message }];
}

function isInside(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys';
}

/** Absent and empty values are told as such, not as values of the wrong type. */
function whyAbsent(path: Path, value: unknown): string | undefined {
  let part = value;
  for (const name of path) {
    if (typeof part !== 'object' || part === null) return undefined;
    if (!Object.hasOwn(part, name)) return 'is required';
    part = Reflect.get(part, name);
  }
  return part === null ? 'has no value' : undefined;
}
