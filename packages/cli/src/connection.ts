/** Finds out which server to talk to, and with which token. */
import { type Client, createClient } from '@tessera/client';
import { CommandError } from './command-error.ts';
import { readCredentials } from './credentials.ts';
import type { Edge } from './edge.ts';
import { DEFAULT_URL, type GlobalOptions } from './global-options.ts';
import { readSecret } from './read-input.ts';

export interface Connection {
  readonly client: Client;
  readonly url: string;
  readonly token: string;
}

/** @throws CommandError when there is no token, or what was given cannot be used */
export async function connect(edge: Edge, options: GlobalOptions): Promise<Connection> {
  const url = await serverUrl(edge, options);
  const token = (await givenToken(edge, options)) ?? (await savedToken(edge, url));
  if (token === undefined) {
    throw new CommandError(
      'notSignedIn',
      `no management token for ${url}`,
      'Run `tessera login`, or set TESSERA_TOKEN or TESSERA_TOKEN_FILE.',
    );
  }
  return { url, token, client: makeClient(edge, options, { url, token }) };
}

export function makeClient(edge: Edge, options: GlobalOptions, { url, token }: { url: string; token: string }): Client {
  try {
    return createClient({
      baseUrl: url,
      token,
      workspace: options.workspace ?? nonEmpty(edge.env.TESSERA_WORKSPACE),
      userAgent: 'tessera-cli/0.1.0',
      signal: edge.interrupted,
      // People wait for the answer, not for attempts at it.
      timeoutMs: milliseconds(options.timeout),
      deadlineMs: milliseconds(options.timeout),
    });
  } catch (error) {
    // It names the option, never its value.
    if (error instanceof RangeError) throw new CommandError('usage', error.message);
    throw error;
  }
}

/** The URL in one spelling: the key of the credentials file. */
export async function serverUrl(edge: Edge, options: GlobalOptions): Promise<string> {
  const named = options.url ?? nonEmpty(edge.env.TESSERA_URL);
  const text = named ?? (await readCredentials(edge)).current ?? DEFAULT_URL;
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CommandError('usage', 'the server must be an http or https URL', `Such as ${DEFAULT_URL}.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new CommandError('usage', 'the URL of the server must not hold a user or a password');
  }
  return url.href.replace(/\/+$/, '');
}

/** The token that options or the environment give; those win over the saved one. */
async function givenToken(edge: Edge, options: GlobalOptions): Promise<string | undefined> {
  const named = namedToken(options);
  if (named !== undefined) return readSecret(edge, { file: named, what: 'Management token', mayAsk: options.input });
  const token = nonEmpty(edge.env.TESSERA_TOKEN);
  if (token !== undefined) return token;
  const file = nonEmpty(edge.env.TESSERA_TOKEN_FILE);
  return file === undefined ? undefined : readSecret(edge, { file, what: 'Management token', mayAsk: false });
}

/** The file that holds the token, where options name one; `-` is stdin. */
export function namedToken({ token, tokenFile }: GlobalOptions): string | undefined {
  if (token !== undefined && tokenFile !== undefined)
    throw new CommandError('usage', '--token and --token-file contradict each other');
  return token ?? tokenFile;
}

/** Whether what is sent can be read on the way: plain HTTP to another machine. */
export function isExposed(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !/^(?:localhost|127(?:\.[0-9]+){3}|\[::1\])$/.test(hostname);
}

async function savedToken(edge: Edge, url: string): Promise<string | undefined> {
  const { servers } = await readCredentials(edge);
  return Object.hasOwn(servers, url) ? servers[url]?.token : undefined;
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
