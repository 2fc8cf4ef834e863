/** One text for an origin and the terms of its connections: equal where, and only where, connections may be shared. */
import { hash } from 'node:crypto';
import type { Terms } from './endpoint.ts';

/** Holds digests of the certificates, and nothing of a private key: that belongs to its certificate. */
export function termsKey(url: string, { connectTimeoutMs, tls, health }: Terms): string {
  const { serverName, verify, material } = tls ?? {};
  const digest = (text: string | undefined): string | undefined => text && hash('sha256', text);
  return JSON.stringify([
    url,
    connectTimeoutMs,
    tls && [serverName, verify, digest(material?.ca), digest(material?.certificate)],
    health && { ...health, status: health.status && [...health.status].sort() },
  ]);
}
