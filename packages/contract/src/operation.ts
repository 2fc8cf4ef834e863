/** What an operation of the management API is: method, path, who may call it, what goes in, what comes out, what goes wrong. */
import type { z } from 'zod';
import type { ProblemCode } from './problems.ts';
import type { ManagementScope } from './scopes.ts';

type Shape = z.ZodObject;

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Template with `{name}` parameters, one segment each. */
  readonly path: string;
  readonly summary: string;
  /** More, in Markdown, where the summary does not say it all. */
  readonly description?: string;
  readonly tag: string;
  /** The scope that the caller's token needs; `root`: the root token alone. */
  readonly scope: ManagementScope | 'root';
  readonly params?: Shape;
  readonly query?: Shape;
  readonly body?: Shape;
  /** Whether the body may be left out. */
  readonly bodyOptional?: boolean;
  readonly status: 200 | 201 | 204;
  readonly output: z.ZodType;
  /** Whether it changes something: then it is audited, and a POST honours `Idempotency-Key`. */
  readonly changes: boolean;
  /** Whether the answer may hold a secret: then `Cache-Control: no-store`. */
  readonly secret?: boolean;
  /** Whether `If-Match` is enforced and an `ETag` is sent. */
  readonly etag?: boolean;
  /** Problems beyond those that any operation may answer. */
  readonly problems: readonly ProblemCode[];
}

/** Keeps the exact types of the schemas, so that handlers, client and command line see them. */
export function operation<const T extends Operation>(definition: T): T {
  return Object.freeze(definition);
}
