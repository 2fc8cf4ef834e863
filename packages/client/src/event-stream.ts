/** Reads Server-Sent Events (WHATWG HTML section 9.2) out of text that comes in pieces cut anywhere. */
import { TesseraError } from './tessera-error.ts';

export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/** Far above any event of ours: what goes on without an end is no stream of events. */
const MAX_EVENT_CHARACTERS = 65_536;

/**
 * Takes the next piece, and gives the events that it completes. Comments are events without data and name; they tell
 * that the connection lives.
 *
 * @throws TesseraError of kind `protocol` where an event is longer than 65,536 characters
 */
export function eventReader(): (piece: string) => StreamEvent[] {
  let rest = '';
  let lines: string[] = [];
  let size = 0;
  return (piece) => {
    const events: StreamEvent[] = [];
    const parts = (rest + piece).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = part.endsWith('\r') ? part.slice(0, -1) : part;
      size += line.length;
      if (line.startsWith(':')) events.push({ event: '', data: '' });
      else if (line !== '') lines.push(line);
      if (line !== '') continue;
      if (lines.length > 0) events.push(eventOf(lines));
      lines = [];
      size = 0;
    }
    if (size + rest.length > MAX_EVENT_CHARACTERS) {
      throw new TesseraError({ kind: 'protocol', title: `An event is longer than ${MAX_EVENT_CHARACTERS} characters` });
    }
    return events;
  };
}

function eventOf(lines: readonly string[]): StreamEvent {
  const valuesOf = (field: string): string[] =>
    lines.flatMap((line) => (line.startsWith(`${field}:`) ? [line.slice(field.length + 1).replace(/^ /, '')] : []));
  return { event: valuesOf('event').at(-1) ?? 'message', data: valuesOf('data').join('\n') };
}
