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

/** `apply` takes what is in force from then on; what it throws keeps what was. Without a file there is nothing to follow. */
export function followConfig({ config, log, metrics, reload }: Following, apply: (next: Config) => void): Followed {
  if (config.configFile === undefined) return NOT_FOLLOWED;
  const ended = new AbortController();
  const watching = watchConfig({
    path: config.configFile,
    current: config,
    load: reload,
    onChange(next) {
      apply(next);
      metrics.configReloaded(true);
      log.info({ routes: next.routes.length }, 'the configuration was reloaded');
    },
    onProblem(problems) {
      metrics.configReloaded(false);
      log.error(
        { problems: problems.map(formatProblem) },
        'the configuration was not reloaded: what was in force stays',
      );
    },
    signal: ended.signal,
  });
  return { reload: watching.reload, end: () => ended.abort() };
}
