/** Reading what an operator names: configuration, keys, certificates. Bounded, as UTF-8, with its permissions. */
import { Buffer } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** What anybody configures is far shorter. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Read and write permission of group and others. */
const OTHERS = 0o066;

export type FileResult =
  | { readonly ok: true; readonly text: string /** To group or others. */; readonly openToOthers: boolean }
  /** The message repeats neither the name of the file, which may be a secret by mistake, nor its content. */
  | { readonly ok: false; readonly absent: boolean; readonly message: string };

export type ReadFile = (path: string) => FileResult;

/** Does not throw: what is absent, unreadable, larger than 1 MiB or not UTF-8 is an answer. */
export function readTextFile(path: string): FileResult {
  try {
    const file = openSync(path, 'r');
    try {
      // Asked of the open file, not of its path, so that both answers are about the same file.
      const { mode } = fstatSync(file);
      const bytes = readBounded(file);
      if (bytes === undefined) return unusable('is larger than 1 MiB');
      const text = decode(bytes);
      return text === undefined
        ? unusable('is not UTF-8 text')
        : { ok: true, text, openToOthers: (mode & OTHERS) !== 0 };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { ok: false, absent: true, message: 'does not exist' };
    return unusable(`cannot be read (${typeof code === 'string' ? code : 'unknown error'})`);
  }
}

function unusable(message: string): FileResult {
  return { ok: false, absent: false, message };
}

/** By what arrives and not by the size it claims: a device or a pipe claims none. Undefined where it is too much. */
function readBounded(file: number): Buffer | undefined {
  const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(file, buffer, length, buffer.length - length, null);
    if (read === 0) return buffer.subarray(0, length);
    length += read;
  }
  return undefined;
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
