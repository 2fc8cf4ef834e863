/** What the environment says of the settings: texts, secrets from files that it names, and names that nobody knows. */
import { resolve } from 'node:path';
import type { ReadFile } from '../read-file.ts';
import { type ConfigProblem, unknownName } from './problems.ts';
import { type Finding, findingsOf } from './schema-problems.ts';
import { type Setting, type SettingName, settingNames, settings } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is passed in of the process: nothing here reads `process` itself. */
export interface Surroundings {
  readonly env: Environment;
  /** Absolute; relative paths start here. */
  readonly cwd: string;
  readonly readFile: ReadFile;
}

export interface EnvironmentReading {
  /** Of each setting that the environment gives: the variable that gave it, and its value. */
  readonly given: ReadonlyMap<SettingName, { readonly source: string; readonly value: unknown }>;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

export function readEnvironment(surroundings: Surroundings): EnvironmentReading {
  const given = new Map<SettingName, { source: string; value: unknown }>();
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = unknownVariables(surroundings.env);
  for (const name of settingNames) {
    const setting: Setting<unknown> = settings[name];
    const read = readText(setting, surroundings);
    if (read === undefined) continue;
    const { source } = read;
    if (read.warning !== undefined) warnings.push({ source, path: '', message: read.warning });
    const outcome = 'message' in read ? [{ path: [], message: read.message }] : readValue(setting, read.text);
    if ('value' in outcome) given.set(name, { source, value: outcome.value });
    else problems.push(...outcome.map((finding) => problemAt(source, finding)));
  }
  return { given, problems, warnings };
}

/** A finding inside the value of a variable, whose places are items of a list. */
export function problemAt(source: string, { path, message }: Finding): ConfigProblem {
  return { source: `${source}${path.map((part) => `[${part}]`).join('')}`, path: '', message };
}

function readValue(setting: Setting<unknown>, text: string): { readonly value: unknown } | readonly Finding[] {
  const value = setting.type.fromText(text);
  const parsed = setting.type.schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  // A Kubernetes service named "tessera" puts `tcp://<address>:<port>` into the variable of the port.
  const hint = text.startsWith('tcp://')
    ? '; Kubernetes set it: turn enableServiceLinks off, or rename the service'
    : '';
  return findingsOf(parsed.error.issues, value).map(({ path, message }) => ({ path, message: `${message}${hint}` }));
}

type ReadText =
  | { readonly source: string; readonly text: string; readonly warning?: string }
  | { readonly source: string; readonly message: string; readonly warning?: string };

function readText(setting: Setting<unknown>, { env, cwd, readFile }: Surroundings): ReadText | undefined {
  const source = [setting.env, setting.alias].find((name) => name !== undefined && env[name] !== undefined);
  const text = source === undefined ? undefined : env[source];
  const fileSource = `${setting.env}_FILE`;
  const file = setting.secret === true ? env[fileSource] : undefined;
  if (file !== undefined && text !== undefined) {
    return { source: setting.env, message: `is set, and so is ${fileSource}; keep one of them` };
  }
  if (source !== undefined && text !== undefined) return nonEmpty({ source, text });
  if (file === undefined) return undefined;
  const read = readFile(resolve(cwd, file));
  if (!read.ok) return { source: fileSource, message: `the file that it names ${read.message}` };
  const inFile = nonEmpty({ source: fileSource, text: read.text.replace(/\r?\n$/, '') });
  return read.openToOthers
    ? { ...inFile, warning: 'the file that it names is open to group or others; chmod 600 it' }
    : inFile;
}

/** An empty value is mostly a variable that failed to expand; taking it for "not set" would drop a key without a word. */
function nonEmpty(read: { readonly source: string; readonly text: string }): ReadText {
  return read.text === '' ? { source: read.source, message: 'is set but empty; unset it or give it a value' } : read;
}

/** Variables of the `tessera` command and of services that judge by themselves, which one terminal may hold beside those of the server. */
const OF_OTHERS: ReadonlySet<string> = new Set([
  'TESSERA_URL',
  'TESSERA_TOKEN',
  'TESSERA_TOKEN_FILE',
  'TESSERA_WORKSPACE',
  'TESSERA_VERIFY_TOKEN',
]);

function unknownVariables(env: Environment): ConfigProblem[] {
  const known = settingNames.flatMap((name) => {
    const { env: variable, secret }: Setting<unknown> = settings[name];
    return secret === true ? [variable, `${variable}_FILE`] : [variable];
  });
  return Object.keys(env)
    .filter((name) => name.startsWith('TESSERA_') && !known.includes(name) && !OF_OTHERS.has(name))
    .map((name) => ({ source: 'environment', path: '', message: unknownName(name, known) }));
}
