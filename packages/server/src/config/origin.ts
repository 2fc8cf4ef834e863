/** Origins (RFC 6454): scheme, host and port, and nothing that could send a request elsewhere. */

/** Written out, because the URL parser forgives: it drops tabs and line breaks, and reads `\` as `/`. */
const WRITTEN = /^https?:\/\/[^\s/\\?#@]+\/?$/i;

/** The canonical form of an http or https origin, or undefined where the text has a path, query, user or any other part. */
export function originOf(text: string): string | undefined {
  if (!WRITTEN.test(text)) return undefined;
  const url = URL.parse(text);
  return url === null || url.port === '0' ? undefined : url.origin;
}
