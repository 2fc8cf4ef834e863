/** How a route rewrites the target of a request: path and query, never the origin. What comes out is canonical again. */
import { parameterKey } from '@tessera/verify';
import { canonicalPath } from './canonical-path.ts';
import { type Template, template } from './placeholders.ts';

export interface RewriteConfig {
  readonly path?:
    | {
        readonly strip?: string | undefined;
        readonly prefix?: string | undefined;
        readonly replace?: string | undefined;
      }
    | undefined;
  readonly query?: { readonly set?: Readonly<Record<string, string>>; readonly remove?: readonly string[] } | undefined;
}

export interface Rewrite {
  /** The path that is sent, from the canonical path that was matched. */
  readonly path: (matched: string) => string;
  readonly query: QueryChanges | undefined;
}

export interface QueryChanges {
  /** Keys of the parameters that go; those that are set are among them. */
  readonly touched: ReadonlySet<string>;
  /** `name=value`, encoded, joined: what comes first. */
  readonly set: string;
  /** Parameters whose value names the caller, with their name and `=` in front. */
  readonly filled: readonly Template[];
}

/**
 * Undefined where nothing is rewritten. `matched` is the path of the route. Throws a RangeError on a path that is not
 * canonical, and on one to strip that not every request of the route starts with.
 */
export function compileRewrite({ path, query }: RewriteConfig, matched: string): Rewrite | undefined {
  const changes = query === undefined ? undefined : queryChanges(query);
  if (path === undefined && changes === undefined) return undefined;
  return Object.freeze({ path: path === undefined ? unchanged : pathRewrite(path, matched), query: changes });
}

/** Whether every path that a route for `matched` takes starts with the segments of `strip`. */
export function isLeading(strip: string, matched: string): boolean {
  const whole = matched.replace(/\/\*?$/, '');
  return whole === strip || whole.startsWith(`${strip}/`);
}

const unchanged = (path: string): string => path;

function pathRewrite(
  { strip, prefix, replace }: NonNullable<RewriteConfig['path']>,
  matched: string,
): (path: string) => string {
  if (replace !== undefined) {
    const fixed = canonical(replace);
    return () => fixed;
  }
  const stripped = strip === undefined ? '' : withoutEnd(canonical(strip));
  if (!isLeading(stripped, matched)) throw new RangeError(`${strip} does not lead ${matched}`);
  const put = prefix === undefined ? '' : withoutEnd(canonical(prefix));
  // What is left starts with `/` or is empty: both ends are ends of segments.
  return (path) => `${put}${path.slice(stripped.length)}` || '/';
}

function canonical(path: string): string {
  const found = canonicalPath(path);
  if (found === undefined) throw new RangeError(`the path ${path} is not canonical`);
  return found;
}

function withoutEnd(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

function queryChanges({ set = {}, remove = [] }: NonNullable<RewriteConfig['query']>): QueryChanges | undefined {
  const names = [...Object.keys(set), ...remove];
  if (names.length === 0) return undefined;
  const plain: string[] = [];
  const filled: Template[] = [];
  for (const [name, value] of Object.entries(set)) {
    const start = `${encodeURIComponent(name)}=`;
    const naming = template(value);
    if (naming === undefined) plain.push(start + encodeURIComponent(value.toWellFormed()));
    else {
      const [first = '', ...texts] = naming.texts.map((text) => encodeURIComponent(text.toWellFormed()));
      filled.push({ names: naming.names, texts: [start + first, ...texts] });
    }
  }
  return Object.freeze({ touched: new Set(names.map(parameterKey)), set: plain.join('&'), filled });
}
