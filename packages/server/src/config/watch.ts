/** Live reload: follows the configuration file, and keeps what is in force where the new one is wrong. */
import { isDeepStrictEqual } from 'node:util';
import { followFiles } from '../followed-files.ts';
import type { Config, LoadResult } from './load.ts';
import type { ConfigProblem } from './problems.ts';
import { settingNames } from './settings.ts';

/** An editor makes several events of one save: they are folded into one reload. */
export const DEBOUNCE_MS = 50;

export interface WatchInput {
  /** Absolute path of the configuration file. */
  readonly path: string;
  /** What is in force. */
  readonly current: Config;
  readonly load: () => LoadResult;
  /** Called with the configuration that is in force from now on: new routes, everything else as it was. A throw refuses it. */
  readonly onChange: (config: Config) => void;
  /** Called with every file that is valid, before its routes are in force: the settings that changed in it and need a restart. */
  readonly onRead: (waiting: readonly ConfigProblem[]) => void;
  /** Called with what was wrong. What was in force stays so. */
  readonly onProblem: (problems: readonly ConfigProblem[]) => void;
  /** Ends the watching. */
  readonly signal: AbortSignal;
}

export interface ConfigWatch {
  /** Reloads now, as on SIGHUP. */
  readonly reload: () => void;
}

export function watchConfig({ path, current, load, onChange, onRead, onProblem, signal }: WatchInput): ConfigWatch {
  let inForce = current;
  const report = (message: string): void => onProblem([{ source: path, path: '', message }]);

  const adopt = (loaded: Config): void => {
    const changed = settingNames.filter((name) => !isDeepStrictEqual(inForce[name], loaded[name]));
    onRead(changed.map((name) => ({ source: path, path: name, message: 'has changed and needs a restart' })));
    if (isDeepStrictEqual(inForce.routes, loaded.routes)) return;
    const next = Object.freeze({ ...inForce, routes: loaded.routes });
    try {
      onChange(next);
      inForce = next;
    } catch (error) {
      report(`cannot be applied: ${error instanceof Error ? error.message : 'unknown error'}`);
    }
  };

  const reload = (): void => {
    if (signal.aborted) return;
    followed.seen();
    const loaded = load();
    if (!loaded.ok) onProblem(loaded.problems);
    // Gone for a moment while an editor replaces it: the defaults, without a route, are not what was meant.
    else if (loaded.config.configFile === undefined) report('does not exist');
    else adopt(loaded.config);
  };

  const followed = followFiles({
    paths: [path],
    debounceMs: DEBOUNCE_MS,
    onChange: reload,
    onUnwatched: () => report('cannot be watched; its changes wait for a reload by signal'),
    signal,
  });
  // What was written between the first load and now made no event.
  reload();
  return Object.freeze({ reload });
}
