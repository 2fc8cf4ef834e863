/** The `Forwarded` field (RFC 7239): what each proxy says of the hop before it, read strictly, for who writes it decides who the client is. */
import { plainAddress } from '../addresses.ts';

/** What one proxy says; parameters that nobody here reads are left out. */
export interface ForwardedElement {
  readonly for: string | undefined;
  readonly host: string | undefined;
  readonly proto: string | undefined;
}

/** RFC 9110 section 5.6: token, and quoted-string without obs-text. */
const PAIR = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[\t !#-[\]-~]|\\[\t -~])*)")/y;

/**
 * The elements from left to right, or undefined where the field is malformed: then it cannot be told which element was
 * written by whom. Several lines are one list (RFC 9110 section 5.3). A quotation mark that a client leaves open swallows
 * what our proxies wrote behind it, and so makes the whole malformed, never another address.
 */
export function parseForwarded(lines: readonly string[]): readonly ForwardedElement[] | undefined {
  const text = lines.join(',');
  const elements: ForwardedElement[] = [];
  for (let at = 0; ; at += 1) {
    const start = afterSpace(text, at);
    const end = readElement(text, start, elements);
    if (end === undefined) return undefined;
    at = afterSpace(text, end);
    if (at === text.length) return elements;
    if (text[at] !== ',') return undefined;
  }
}

/** Adds the element that starts here, unless it is empty, and tells where it ends; undefined where it is malformed. */
function readElement(text: string, start: number, elements: ForwardedElement[]): number | undefined {
  const parameters = new Map<string, string>();
  let at = start;
  for (;;) {
    PAIR.lastIndex = at;
    const [whole = '', name = '', token, quoted = ''] = PAIR.exec(text) ?? [];
    if (whole !== '') {
      const parameter = name.toLowerCase();
      // Each at most once in an element (RFC 7239 section 4).
      if (parameters.has(parameter)) return undefined;
      parameters.set(parameter, token ?? quoted.replace(/\\(.)/g, '$1'));
      at += whole.length;
    }
    if (text[at] !== ';') break;
    at += 1;
  }
  if (at > start)
    elements.push({ for: parameters.get('for'), host: parameters.get('host'), proto: parameters.get('proto') });
  return at;
}

const NODE = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?$/;

/** The address of a node (RFC 7239 section 6); undefined for `unknown`, an obfuscated name and whatever is no node. */
export function nodeAddress(node: string | undefined): string | undefined {
  const [, six, four] = NODE.exec(node ?? '') ?? [];
  return plainAddress(six ?? four ?? '');
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}
