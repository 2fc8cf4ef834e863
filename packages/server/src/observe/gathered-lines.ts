/** Log lines on their way to the file, many to a write: a write of its own for each costs more than what the line tells of. */
import { Buffer } from 'node:buffer';

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
const ROOM_BYTES = 65_536;
/** Of a character of a string in UTF-8, at most. */
const BYTES_PER_CHARACTER = 3;

/**
 * Lines keep their order. What is gathered when the process exits is written then. They are gathered as bytes: a text that grows
 * line by line is a tree of texts, which the garbage collector has to keep and the write to walk.
 */
export function gathered(sink: LineSink): GatheredLines {
  const room = Buffer.allocUnsafeSlow(ROOM_BYTES);
  let used = 0;
  let timer: NodeJS.Timeout | undefined;
  const pass = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (used === 0) return;
    const lines = room.toString('utf8', 0, used);
    used = 0;
    sink.write(lines);
  };
  const flushSync = sink.flushSync.bind(sink);
  sink.flushSync = () => {
    pass();
    flushSync();
  };
  return {
    write(line) {
      const most = line.length * BYTES_PER_CHARACTER;
      if (used + most > ROOM_BYTES) pass();
      if (most > ROOM_BYTES) {
        sink.write(line);
        return;
      }
      used += room.write(line, used);
      // Not unreferenced: a process that has nothing else to do still owes the line to whoever reads the log.
      timer ??= setTimeout(pass, WAIT_MS);
    },
    pass,
  };
}
