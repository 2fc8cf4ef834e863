/** Fields that belong to one connection and end here, in both directions (RFC 9110 section 7.6.1). */

const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function isHopByHop(lowerCaseName: string): boolean {
  return HOP_BY_HOP.has(lowerCaseName);
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Names that the Connection fields of a message add to those above, in lower case. They are dropped from what the sender
 * sent, before anything of ours is added, so that no sender can name our fields away.
 */
export function connectionNamed(values: readonly string[]): ReadonlySet<string> {
  if (values.length === 0 || (values.length === 1 && PLAIN.has(values[0] ?? ''))) return NONE;
  return new Set(values.flatMap((value) => value.toLowerCase().split(',')).map((name) => name.trim()));
}

const PLAIN: ReadonlySet<string> = new Set(['keep-alive', 'Keep-Alive', 'close']);
