/** The management API of a platform that runs, asked as its administrator. */
import { ROOT_TOKEN } from './tessera.ts';

export interface Asked {
  readonly port: number;
  readonly method?: 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: object;
}

/** The answer's JSON, empty where there is none. Rejects unless it is a success. */
export async function askPlatform({ port, method = 'POST', path, body }: Asked): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { Authorization: `Bearer ${ROOT_TOKEN}`, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

/** A new token that verifiers look up and follow with. */
export async function verifierToken(port: number): Promise<string> {
  const body = { api: 'tessera', name: 'verifier', scopes: ['verify'] };
  const { token } = await askPlatform({ port, path: '/v1/tokens', body });
  return String(token);
}
