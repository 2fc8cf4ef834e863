/** What Tessera calls its keys in Redis. */

export interface Keys {
  readonly mark: string;
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
    mark: `${tag}:mark`,
    limit: (key: string) => `${tag}:limit:${key}`,
    claim: (key: string) => `${tag}:claim:${key}`,
  });
}
