/** The credentials file: the token of each server that the user signed in to, readable by nobody else. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CommandError } from './command-error.ts';
import type { Edge } from './edge.ts';

export interface Credentials {
  /** The server that commands talk to when none is named: the last one signed in to. */
  readonly current: string | null;
  /** By the URL of the server: a token is never sent to another one. */
  readonly servers: Readonly<Record<string, { readonly token: string }>>;
}

const NONE: Credentials = Object.freeze({ current: null, servers: Object.freeze({}) });
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

export function credentialsPath({ env, homeDirectory }: Pick<Edge, 'env' | 'homeDirectory'>): string {
  const configHome = env.XDG_CONFIG_HOME;
  // The XDG base directory specification has relative paths ignored.
  const base = configHome?.startsWith('/') === true ? configHome : join(homeDirectory, '.config');
  return join(base, 'tessera', 'credentials');
}

/** @throws CommandError when others may read the file, or it is damaged: no part of it is used then */
export async function readCredentials(edge: Edge): Promise<Credentials> {
  const path = credentialsPath(edge);
  const text = await readPrivate(path, edge.platform);
  if (text === undefined) return NONE;
  const credentials = parseCredentials(text);
  if (credentials === undefined) {
    throw new CommandError('usage', `${path} is damaged`, 'Delete it and run `tessera login` again.');
  }
  return credentials;
}

/** Replaces the file in one step: a reader sees the old one or the new one. Without servers the file is removed. */
export async function writeCredentials(edge: Edge, credentials: Credentials): Promise<void> {
  const path = credentialsPath(edge);
  if (Object.keys(credentials.servers).length === 0) return rm(path, { force: true });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}`;
  try {
    await using file = await open(temporary, 'wx', OWNER_ONLY);
    await file.writeFile(`${JSON.stringify(credentials, null, 2)}\n`);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function readPrivate(path: string, platform: string): Promise<string | undefined> {
  try {
    await using file = await open(path);
    // Asked of the open file, so that it cannot be another one by the time it is read. Windows has no such modes.
    const { mode } = await file.stat();
    if (platform !== 'win32' && (mode & OTHERS) !== 0) {
      throw new CommandError('usage', `${path} can be read by others`, `Run: chmod 600 ${path}`);
    }
    return await file.readFile('utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseCredentials(text: string): Credentials | undefined {
  const parsed = parsedObject(text);
  const servers = parsed?.servers;
  const current = parsed?.current;
  if (!isObject(servers) || (current !== null && typeof current !== 'string')) return undefined;
  const entries = Object.entries(servers);
  const sound = entries.filter((entry): entry is [string, { token: string }] => {
    const server: unknown = entry[1];
    return isObject(server) && typeof server.token === 'string';
  });
  return sound.length === entries.length ? { current, servers: Object.fromEntries(sound) } : undefined;
}

function parsedObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
