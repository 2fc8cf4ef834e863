/** Files that are followed while they are in use: written in place, replaced, or reached through a link that turns. */
import { statSync, watch } from 'node:fs';
import { dirname } from 'node:path';

export interface Following {
  readonly paths: readonly string[];
  /**
   * The files are looked at when they have been as they are for so long: an editor makes several events of one save, a
   * certificate and its key are two files, and one that is written in place is empty for a moment.
   */
  readonly debounceMs: number;
  /** One of the files is no longer what it was when `seen` was called last. */
  readonly onChange: () => void;
  /** The system watches no more for us. */
  readonly onUnwatched: () => void;
  readonly signal: AbortSignal;
}

export interface FollowedFiles {
  /** What the files are now is known from here on. */
  seen(): void;
}

export function followFiles({ paths, debounceMs, onChange, onUnwatched, signal }: Following): FollowedFiles {
  let stamps = '';
  let timer: NodeJS.Timeout | undefined;
  const now = (): string => paths.map(stampOf).join(' ');
  const look = (before: string): void => {
    timer = undefined;
    const found = now();
    if (found === stamps) return;
    if (found === before) onChange();
    else lookLater();
  };
  const lookLater = (): void => {
    timer ??= setTimeout(look, debounceMs, now());
  };
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    try {
      // The folder, not the file: an editor puts a new file in its place, and Kubernetes turns a link to another folder.
      const watcher = watch(folder, { persistent: false, signal }, lookLater);
      watcher.on('error', onUnwatched);
    } catch {
      // The system has no watch left to give, or the folder is gone: no reason not to serve.
      onUnwatched();
    }
  }
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return {
    seen() {
      stamps = now();
    },
  };
}

/** Changes whenever the file, or what a link in its path points to, is written or replaced. */
function stampOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch {
    // Absent or out of reach: whoever reads it then says which.
    return 'none';
  }
}
