/** Calls the OAuth endpoints: a form in, status, header fields and body out. */
import { Buffer } from 'node:buffer';
import type { Server } from './server.ts';

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export type Fields = Readonly<Record<string, string>>;

export async function post(
  { url }: Pick<Server, 'url'>,
  path: string,
  form: Fields | string,
  headers: Fields = {},
): Promise<Told> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} };
}

export const bearer = (token: string): Fields => ({ Authorization: `Bearer ${token}` });

/** RFC 6749 section 2.3.1: both halves are written as in a form. */
export function basic(id: string, secret: string): Fields {
  const text = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
  return { Authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}
