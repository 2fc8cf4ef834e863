/** YAML text to a plain value with the place of each part, by a strict subset: one document, no aliases, no repeats. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { MAX_FILE_BYTES } from '../read-file.ts';
import { type Path, shownName } from './problems.ts';

const MAX_DEPTH = 32;
/** Keys that reach an object's prototype instead of the object. */
const PROTOTYPE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** 1-based line and column. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlProblem extends Position {
  readonly path: Path;
  readonly message: string;
}

export type YamlResult =
  | {
      readonly ok: true;
      /** Plain objects, arrays, strings, numbers, booleans and null; null for a file of comments. */
      readonly value: unknown;
      /** Where a key or a list item stands; for one that is absent, its nearest parent. */
      readonly position: (path: Path) => Position;
    }
  | { readonly ok: false; readonly problems: readonly YamlProblem[] };

/** Never throws, whatever the text. The messages are our own: those of the parser quote the source, which may hold secrets. */
export function readYaml(text: string): YamlResult {
  const start = { path: [], line: 1, column: 1 };
  if (text.length > MAX_FILE_BYTES) return { ok: false, problems: [{ ...start, message: 'is larger than 1 MiB' }] };
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    merge: false,
    resolveKnownTags: false,
    // The reader below finds repeated keys in linear time, and says where the first one is.
    uniqueKeys: false,
  });
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const errors = [...document.errors, ...document.warnings];
  // Where nesting has used up the parser's stack, whatever else it found follows from that.
  const deepest = errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  const problems: YamlProblem[] = (deepest === undefined ? errors : [deepest]).map((error) => ({
    ...place(error.pos[0]),
    path: [],
    message: SYNTAX[error.code] ?? 'is not valid YAML here',
  }));
  if (document.directives?.yaml.version !== '1.2') problems.push({ ...start, message: 'must be YAML 1.2' });
  if (problems.length > 0) return { ok: false, problems };

  const places = new Map<string, number>();
  const value = plainValue(document.contents, [], {
    visit: (path, offset) => places.set(JSON.stringify(path), offset),
    refuse: (path, offset, message) => problems.push({ ...place(offset), path, message }),
    line: (offset) => place(offset).line,
  });
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value, position: (path) => place(nearestOffset(places, path)) };
}

const SYNTAX: Readonly<Record<string, string>> = {
  BAD_INDENT: 'is indented wrongly',
  BLOCK_AS_IMPLICIT_KEY: 'is indented wrongly',
  MISSING_CHAR: 'lacks a quote, bracket, comma, colon or space here',
  MULTIPLE_DOCS: 'must be one YAML document, and a second one starts here',
  NON_STRING_KEY: 'has a key here that is not plain text',
  RESOURCE_EXHAUSTION: `is nested deeper than ${MAX_DEPTH} levels`,
  TAB_AS_INDENT: 'is indented with a tab; YAML takes spaces',
  TAG_RESOLVE_FAILED: 'has a tag here that is not supported',
};

interface Reader {
  readonly visit: (path: Path, offset: number) => void;
  readonly refuse: (path: Path, offset: number, message: string) => void;
  readonly line: (offset: number) => number;
}

function plainValue(node: Node | null, path: Path, reader: Reader): unknown {
  if (node === null) return null;
  const offset = node.range?.[0] ?? 0;
  if (path.length > MAX_DEPTH)
    return reader.refuse(path.slice(0, 1), offset, `is nested deeper than ${MAX_DEPTH} levels`);
  // Not even a few: a handful of aliases to aliases already makes gigabytes.
  if (isAlias(node)) return reader.refuse(path, offset, 'is an alias (*name); write the value out');
  if (isScalar(node)) return node.value;
  if (isSeq<Node | null>(node)) {
    return node.items.map((item, index) => {
      const itemPath = [...path, index];
      reader.visit(itemPath, item?.range?.[0] ?? offset);
      return plainValue(item, itemPath, reader);
    });
  }
  if (!isMap<Node, Node | null>(node)) return reader.refuse(path, offset, 'is not valid YAML here');
  const value: Record<string, unknown> = {};
  const firsts = new Map<string, number>();
  for (const pair of node.items) {
    const keyOffset = pair.key.range?.[0] ?? offset;
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const keyPath = [...path, key];
    const first = firsts.get(key);
    if (isAlias(pair.key)) reader.refuse(path, keyOffset, 'has an alias (*name) as a key; write it out');
    else if (PROTOTYPE_KEYS.has(key)) reader.refuse(path, keyOffset, `must not have a key "${key}"`);
    else if (first !== undefined) {
      reader.refuse(path, keyOffset, `repeats the key "${shownName(key)}" of line ${reader.line(first)}`);
    } else {
      firsts.set(key, keyOffset);
      reader.visit(keyPath, keyOffset);
      value[key] = plainValue(pair.value, keyPath, reader);
    }
  }
  return value;
}

function nearestOffset(places: ReadonlyMap<string, number>, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const offset = places.get(JSON.stringify(path.slice(0, length)));
    if (offset !== undefined) return offset;
  }
  return 0;
}
