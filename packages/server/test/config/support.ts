/** Loads a configuration from texts instead of files, and tells its problems as an operator would read them. */
import { type Config, type LoadInput, type LoadResult, loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problems.ts';
import type { FileResult } from '../../src/read-file.ts';

export const CWD = '/srv/tessera';

export interface Given {
  readonly env?: LoadInput['env'];
  /** The text of ./tessera.yaml; absent where there is none. */
  readonly yaml?: string;
  /** Other files, by absolute path. */
  readonly files?: Readonly<Record<string, Partial<FileResult>>>;
  readonly openToOthers?: boolean;
}

export function load({ env = {}, yaml, files = {}, openToOthers = false }: Given): LoadResult {
  const readFile = (path: string): FileResult => {
    const file = files[path] ?? (path === `${CWD}/tessera.yaml` && yaml !== undefined ? { text: yaml } : undefined);
    if (file === undefined) return { ok: false, absent: true, message: 'does not exist' };
    return { ok: true, text: '', openToOthers, ...file } as FileResult;
  };
  return loadConfig({ env, cwd: CWD, readFile });
}

export function loaded(given: Given): Config {
  const result = load(given);
  if (!result.ok) throw new Error(`the configuration was refused: ${result.problems.map(formatProblem).join('\n')}`);
  return result.config;
}

export function problems(given: Given): string[] {
  const result = load(given);
  if (result.ok) throw new Error('the configuration was accepted');
  return result.problems.map(formatProblem);
}

export function warnings(given: Given): string[] {
  return load(given).warnings.map(formatProblem);
}
