/** Log lines on their way to the file, many to a write: a write of its own for each costs more than what the line tells of. */

export interface GatheredLines {
  write(line: string): void;
  /** Hands on what is gathered so far. */
  pass(): void;
}

/** The end of a log: what it is given while a write is under way waits for the next. */
export interface LineSink {
  write(text: string): boolean;
  /** Called when the process exits. */
  flushSync(): void;
}

/** How long a line may wait for others, in milliseconds. */
const WAIT_MS = 20;
const MOST_CHARACTERS = 32_768;

/** Lines keep their order. What is gathered when the process exits is written then. */
export function gathered(sink: LineSink): GatheredLines {
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  const pass = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (text === '') return;
    const whole = text;
    text = '';
    sink.write(whole);
  };
  const flushSync = sink.flushSync.bind(sink);
  sink.flushSync = () => {
    pass();
    flushSync();
  };
  return {
    write(line) {
      text += line;
      if (text.length >= MOST_CHARACTERS) pass();
      // Not unreferenced: a process that has nothing else to do still owes the line to whoever reads the log.
      else timer ??= setTimeout(pass, WAIT_MS);
    },
    pass,
  };
}
