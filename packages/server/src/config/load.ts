/** Configuration file and environment to one frozen value, or everything that is wrong with them. */
import { resolve } from 'node:path';
import { type ReadFile, readTextFile } from '../read-file.ts';
import { agree } from './agreement.ts';
import { type Environment, problemAt, readEnvironment, type Surroundings } from './environment.ts';
import { fileSchema } from './file-schema.ts';
import { type ConfigProblem, firstProblems, type Path, pathText } from './problems.ts';
import { type Position, readYaml } from './read-yaml.ts';
import { withoutCertificates } from './route-certificates.ts';
import { shadowWarnings } from './route-limits.ts';
import type { Route } from './routes.ts';
import { type Finding, findingsOf } from './schema-problems.ts';
import {
  isSettingName,
  type Setting,
  type SettingName,
  type SettingValues,
  settingNames,
  settings,
} from './settings.ts';
import { withUpstreamFiles } from './upstream-files.ts';
import { path as pathType } from './value-types.ts';

const DEFAULT_FILE = 'tessera.yaml';

/** Everything that can be configured, defaults filled in, deeply frozen. `settings.ts` documents each part. */
export interface Config extends SettingValues {
  readonly routes: readonly Route[];
}

export type LoadResult =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly warnings: readonly ConfigProblem[];
      /** Where a setting was given, for what is found wrong with it later. */
      readonly locate: (finding: Finding) => ConfigProblem;
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly warnings: readonly ConfigProblem[] };

export interface LoadInput {
  readonly env: Environment;
  /** Absolute path of the working folder. */
  readonly cwd: string;
  readonly readFile?: ReadFile;
}

/**
 * Reads the configuration: environment over file over default. Never throws; all problems are told at once, none with a value.
 *
 *     const loaded = loadConfig({ env: process.env, cwd: process.cwd() });
 *     if (!loaded.ok) for (const problem of loaded.problems) console.error(formatProblem(problem));
 */
export function loadConfig({ env, cwd, readFile = readTextFile }: LoadInput): LoadResult {
  const surroundings = { env, cwd, readFile };
  const environment = readEnvironment(surroundings);
  const file = readConfigFile(surroundings);
  const warnings = [...environment.warnings, ...file.warnings];
  const broken = [...environment.problems, ...file.problems];
  if (broken.length > 0) return { ok: false, problems: firstProblems(broken), warnings };

  const given = new Set(settingNames.filter((name) => environment.given.has(name) || file.values[name] !== undefined));
  const entries = settingNames.map((name) => {
    const { type, default: byDefault }: Setting<unknown> = settings[name];
    const value = environment.given.get(name)?.value ?? file.values[name] ?? byDefault;
    return [name, type === pathType && typeof value === 'string' ? resolve(cwd, value) : value] as const;
  });
  // Each value has passed the schema of its own setting, or is its default.
  const values = Object.fromEntries(entries) as SettingValues;
  const agreed = agree({ ...values, configFile: file.path }, given);
  const locate = (finding: Finding): ConfigProblem => {
    const [name, ...rest] = finding.path;
    const variable = typeof name === 'string' && isSettingName(name) ? environment.given.get(name) : undefined;
    if (variable !== undefined) return problemAt(variable.source, { ...finding, path: rest });
    return file.locate(finding);
  };
  warnings.push(...agreed.warnings.map(locate));
  const problems = [...agreed.problems, ...withoutCertificates(file.routes, values.tlsClientCertificates)];
  if (problems.length > 0) return { ok: false, problems: problems.map(locate), warnings };
  return { ok: true, config: deepFreeze({ ...agreed.values, routes: file.routes }), warnings, locate };
}

interface FileReading {
  /** Absolute; undefined where there is no file. */
  readonly path: string | undefined;
  readonly values: Readonly<Partial<Record<SettingName, unknown>>>;
  readonly routes: readonly Route[];
  readonly locate: (finding: Finding) => ConfigProblem;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

function readConfigFile({ env, cwd, readFile }: Surroundings): FileReading {
  const named = env[settings.configFile.env];
  const source = named ?? DEFAULT_FILE;
  const path = resolve(cwd, source);
  const reading = { path, values: {}, routes: [], problems: [], warnings: [], locate: locator(source, undefined) };
  const refused = (message: string): FileReading => ({ ...reading, problems: [{ source, path: '', message }] });

  // An empty name has been refused with the environment.
  if (named === '') return reading;
  const file = readFile(path);
  if (!file.ok) return file.absent && named === undefined ? { ...reading, path: undefined } : refused(file.message);
  // Seen while an editor writes: taking it for "no routes" would close the gateway.
  if (file.text.trim() === '') return refused('is empty');
  const yaml = readYaml(file.text);
  if (!yaml.ok) {
    const problems = yaml.problems.map(({ path: at, ...rest }) => ({ source, ...rest, path: pathText(at) }));
    return { ...reading, problems };
  }
  const value = yaml.value ?? {};
  if (typeof value !== 'object' || Array.isArray(value))
    return refused('must be a mapping of settings, such as "routes: []"');
  const locate = locator(source, yaml.position);
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success)
    return { ...reading, problems: findingsOf(parsed.error.issues, value).map(locate).sort(byPlace) };
  const { routes: written = [], ...values } = parsed.data;
  const { routes, problems, warnings: ofFiles } = withUpstreamFiles(written, { cwd, readFile });
  if (problems.length > 0) return { ...reading, problems: problems.map(locate) };
  const secret = settingNames.find((name) => settings[name].secret === true && Object.hasOwn(value, name));
  const open = { path: [secret ?? ''], message: 'is a secret in a file that is open to group or others; chmod 600 it' };
  const insecure = secret !== undefined && file.openToOthers ? [open] : [];
  const warnings = [...insecure, ...ofFiles, ...shadowWarnings(routes)].map(locate);
  return { ...reading, values, routes, locate, warnings };
}

function locator(
  source: string,
  position: ((path: Path) => Position) | undefined,
): (finding: Finding) => ConfigProblem {
  return ({ path, message }) => ({ source, ...position?.(path), path: pathText(path), message });
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** Plain objects and lists, all the way down; a KeyObject is immutable by itself. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const plain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
  if (!plain) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
