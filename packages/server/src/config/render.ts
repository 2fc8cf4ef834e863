/** The configuration as text: what is in force, its JSON Schema for editors, and the reference of all settings. */
import { stringify } from 'yaml';
import { z } from 'zod';
import { fileSchema } from './file-schema.ts';
import type { Config } from './load.ts';
import type { Route } from './routes.ts';
import { type Setting, settingNames, settings } from './settings.ts';

const REDACTED = '<redacted>';

/** The configuration in force, as YAML that a file may hold. Secrets are redacted, always: there is no way to print one. */
export function printConfig(config: Config): string {
  const shown = settingNames
    .filter((name) => settings[name].envOnly !== true && config[name] !== undefined)
    .map((name) => [name, settings[name].secret === true ? REDACTED : config[name]]);
  const routes = config.routes.map(withoutHeaderValues).map(withoutFileContents);
  return stringify({ ...Object.fromEntries(shown), routes }, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** JSON Schema (draft 2020-12) of the configuration file: `# yaml-language-server: $schema=...` makes an editor use it. */
export function configSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(fileSchema, { io: 'input', target: 'draft-2020-12', unrepresentable: 'any' });
  return { ...schema, title: 'Tessera configuration' };
}

/** A Markdown table of all settings, for the generated reference. */
export function settingsReference(): string {
  const rows = settingNames.map((name) => {
    const setting: Setting<unknown> = settings[name];
    const inFile = setting.envOnly === true ? '' : code(name);
    return row([inFile, variables(setting), shownDefault(setting.default), setting.doc]);
  });
  return [
    row(['In the file', 'In the environment', 'Default', 'What it is']),
    row(Array(4).fill('---')),
    ...rows,
    '',
  ].join('\n');
}

/** A route may set upstream credentials, and no rule could tell them from other values by name. */
function withoutHeaderValues(route: Route): Route {
  const hidden = (set: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.keys(set).map((name) => [name, REDACTED]));
  const { request, response } = route.transform;
  return {
    ...route,
    transform: {
      request: { ...request, set: hidden(request.set) },
      response: { ...response, set: hidden(response.set) },
    },
  };
}

/** What the files of its TLS settings held is no part of the file. */
function withoutFileContents({ upstream, ...route }: Route): object {
  const { tls, ...rest } = upstream;
  if (tls === undefined) return { ...route, upstream: rest };
  const { material: _read, ...settings } = tls;
  return { ...route, upstream: { ...rest, tls: settings } };
}

function variables(setting: Setting<unknown>): string {
  const names = [setting.env, setting.secret === true ? `${setting.env}_FILE` : undefined, setting.alias];
  return names.flatMap((name) => (name === undefined ? [] : [code(name)])).join(', ');
}

function shownDefault(value: unknown): string {
  if (value === undefined) return '';
  return Array.isArray(value) && value.length === 0
    ? 'none'
    : code(typeof value === 'string' ? value : JSON.stringify(value));
}

function code(text: string): string {
  return `\`${text}\``;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
