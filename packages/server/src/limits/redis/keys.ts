/** What Tessera calls its keys in Redis. */

export interface Keys {
  /** Of a Redis process: what another one knows may be older, or nothing. */
  mark(server: string): string;
  limit(key: string): string;
  claim(key: string): string;
}

/**
 * All begin with one hash tag, since the rules of one request are judged in one script and count by token, owner, api and
 * address: no narrower tag holds them together. It names the installation, so that several share a Redis.
 */
export function redisKeys(installation: string): Keys {
  const tag = `{tessera:${installation}}`;
  return Object.freeze({
    mark: (server: string) => `${tag}:mark:${server}`,
    limit: (key: string) => `${tag}:limit:${key}`,
    claim: (key: string) => `${tag}:claim:${key}`,
  });
}
