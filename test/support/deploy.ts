/** The descriptions in deploy/ as values, for tests that hold them against the programs that read them. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

export const DEPLOY = resolve(import.meta.dirname, '../../deploy');

export interface Service {
  readonly image: string;
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string }>>;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly privileged?: boolean;
  readonly network_mode?: string;
  readonly stop_grace_period?: string;
  readonly volumes?: readonly string[];
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks?: Readonly<
    Record<
      string,
      {
        readonly internal?: boolean;
        readonly ipam?: { readonly config: readonly { readonly subnet: string }[] };
      } | null
    >
  >;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

export function deployText(path: string): string {
  return readFileSync(join(DEPLOY, path), 'utf8');
}

export function composeOf(folder: string): Compose {
  return parse(deployText(`${folder}/compose.yaml`), { merge: true }) as Compose;
}

/** `NAME=value` lines of a unit, or of an environment file. */
export function variablesOf(text: string): Record<string, string> {
  const lines = [...text.matchAll(/^(?:Environment=)?(TESSERA_[A-Z_]+)=(.*)$/gm)];
  return Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]));
}

/** The same variables where the secrets are elsewhere. Throws where a path is not that of a secret. */
export function withSecretsIn(
  folder: string,
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => {
      if (!name.endsWith('_FILE')) return [name, value];
      const secret = /^\/(?:run|etc\/tessera)\/secrets\/([a-z_]+)$/.exec(value)?.[1];
      if (secret === undefined) throw new Error(`${name}=${value} names no secret`);
      return [name, join(folder, secret)];
    }),
  );
}
