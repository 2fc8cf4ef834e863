/** Reads a stream of Server-Sent Events (HTML Living Standard, section 9.2.6), whatever chunks it arrives in. */

export interface ServerEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  readonly data: string;
}

/** Takes the next bytes, and gives the events that they complete. Throws a RangeError on one that is too long. */
export type EventReader = (chunk: Uint8Array) => readonly ServerEvent[];

/** Characters of an event, or of a line: a change has two hundred. */
const DEFAULT_MAX_LENGTH = 65_536;

/** An `id` is not read: positions stand in the data, where a number is a number. */
export function eventReader(maxLength: number = DEFAULT_MAX_LENGTH): EventReader {
  // Strips one byte order mark at the start, as the standard wants, and keeps a character that is cut in two.
  const decoder = new TextDecoder();
  let line = '';
  let afterReturn = false;
  let type = '';
  let data: string[] = [];
  let length = 0;

  const dispatch = (into: ServerEvent[]): void => {
    // Without data there is no event, whatever else was said of it.
    if (data.length > 0) into.push({ type: type === '' ? 'message' : type, data: data.join('\n') });
    type = '';
    data = [];
    length = 0;
  };

  const complete = (text: string, into: ServerEvent[]): void => {
    if (text === '') {
      dispatch(into);
      return;
    }
    length += text.length;
    if (length > maxLength) throw new RangeError(`an event of more than ${maxLength} characters`);
    const colon = text.indexOf(':');
    // A comment.
    if (colon === 0) return;
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') data.push(value);
    if (name === 'event') type = value;
  };

  return (chunk) => {
    const events: ServerEvent[] = [];
    let text = decoder.decode(chunk, { stream: true });
    if (text === '') return events;
    // The other half of a line end that was cut in two.
    if (afterReturn && text.startsWith('\n')) text = text.slice(1);
    afterReturn = text === '' ? false : text.endsWith('\r');
    const [first = '', ...rest] = text.split(/\r\n|\n|\r/);
    line += first;
    for (const next of rest) {
      complete(line, events);
      line = next;
    }
    if (line.length > maxLength) throw new RangeError(`a line of more than ${maxLength} characters`);
    return events;
  };
}
