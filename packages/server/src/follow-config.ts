/** Live reload of the routes: what comes of it shows in the log and in the metrics. */
import type { Config, LoadResult } from './config/load.ts';
import { formatProblem } from './config/problems.ts';
import { watchConfig } from './config/watch.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';

export interface Following {
  readonly config: Config;
  readonly reload: () => LoadResult;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'configReloaded'>;
}

export interface Followed {
  /** As on SIGHUP. */
  reload(): void;
  end(): void;
}

export const NOT_FOLLOWED: Followed = Object.freeze({ reload() {}, end() {} });

/** `apply` takes what is in force from then on; what it throws or rejects with keeps what was. Without a file there is nothing to follow. */
export function followConfig(following: Following, apply: (next: Config) => void | Promise<void>): Followed {
  const { config, log, metrics, reload } = following;
  if (config.configFile === undefined) return NOT_FOLLOWED;
  const ended = new AbortController();
  let waiting: readonly string[] = [];
  const applied = (next: Config): void => {
    metrics.configReloaded(waiting.length === 0);
    log.info({ routes: next.routes.length }, 'the configuration was reloaded');
  };
  const refused = (problems: readonly string[]): void => {
    metrics.configReloaded(false);
    log.error({ problems }, 'the configuration was not reloaded: what was in force stays');
  };
  const watching = watchConfig({
    path: config.configFile,
    current: config,
    load: reload,
    onChange(next) {
      const applying = apply(next);
      if (!(applying instanceof Promise)) return applied(next);
      applying.then(
        () => applied(next),
        (error: unknown) => refused([`cannot be applied: ${error instanceof Error ? error.message : 'unknown error'}`]),
      );
    },
    onRead(changed) {
      waiting = changed.map(formatProblem);
      // Also where a file that was refused is again what it was before: nothing else tells that all is well.
      metrics.configReloaded(waiting.length === 0);
      if (waiting.length > 0)
        log.warn({ problems: waiting }, 'settings have changed that need a restart; routes do not');
    },
    onProblem: (problems) => refused(problems.map(formatProblem)),
    signal: ended.signal,
  });
  return { reload: watching.reload, end: () => ended.abort() };
}
