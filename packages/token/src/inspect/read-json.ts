/** JSON of a stranger: what it holds, and where two readers could disagree about it. */
import { platform } from '../platform.ts';
import { decodeBase64url } from './base64url.ts';
import { type Finding, type FindingCode, finding } from './findings.ts';

export type Members = Readonly<Record<string, unknown>>;

export interface ReadMembers {
  /** Undefined where it is no object, or nested too deeply. */
  readonly members: Members | undefined;
  readonly findings: readonly Finding[];
}

/** Deeper than any header, claim set or key set needs to be. */
const MAX_DEPTH = 16;

/** The object that a part of a compact JWS or JWE holds. `at` names the part. */
export function readSegment(segment: string, at: string): ReadMembers {
  const { bytes, faults } = decodeBase64url(segment);
  const found = faults.map((code) => finding(code, { at }));
  if (bytes === undefined) return { members: undefined, findings: found };
  const text = utf8(bytes);
  if (text === undefined) return { members: undefined, findings: [...found, finding('not_utf8', { at })] };
  const read = readMembers(text, at);
  return { members: read.members, findings: [...found, ...read.findings] };
}

/** The object that a text holds. */
export function readMembers(text: string, at: string): ReadMembers {
  const none = (code: FindingCode): ReadMembers => ({ members: undefined, findings: [finding(code, { at })] });
  const value = parsed(text);
  if (value === undefined) return none('not_json');
  // Before anything looks into it: what walks through a value does so recursively.
  const { depth, repeated } = structureOf(text);
  if (depth > MAX_DEPTH) return none('too_deep');
  if (!isMembers(value)) return none('not_an_object');
  return { members: value, findings: repeated ? [finding('repeated_member', { at })] : [] };
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new platform.TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Strings, with the colon that makes one a member's name, and brackets: all that matters in text known to be valid. */
const LANDMARK = /("(?:[^"\\]|\\.)*")([ \t\n\r]*:)?|[{}[\]]/g;

function structureOf(text: string): { readonly depth: number; readonly repeated: boolean } {
  const open: Set<unknown>[] = [];
  let depth = 0;
  let repeated = false;
  for (const [landmark, string, colon] of text.matchAll(LANDMARK)) {
    if (landmark === '{' || landmark === '[') {
      depth = Math.max(depth, open.push(new Set()));
    } else if (landmark === '}' || landmark === ']') {
      open.pop();
    } else if (string !== undefined && colon !== undefined) {
      const names = open.at(-1);
      const name: unknown = JSON.parse(string);
      repeated ||= names?.has(name) === true;
      names?.add(name);
    }
  }
  return { depth, repeated };
}
