/** Makes text from elsewhere harmless to a terminal: names of tokens are chosen by people, and a terminal obeys what it is shown. */

// Controls (C0, DEL, C1: escape sequences start with them), line and paragraph separators, and the marks that reorder
// what is read (Unicode TR 36 section 2.5).
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const UNSAFE_IN_LINES = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** One line of text: every unsafe character is written out, as `\u001b`. */
export function neutralise(text: string): string {
  return text.replace(UNSAFE, written);
}

/** The same for text of several lines, and for JSON, where the escape means the character that it stands for. */
export function neutraliseLines(text: string): string {
  return text.replace(UNSAFE_IN_LINES, written);
}

function written(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
