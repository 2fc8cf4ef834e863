/** The request that a proof was made for, in the one spelling in which two are compared (RFC 9449 section 4.3). */

/** Printable ASCII without `\`, as a URI has (RFC 3986): nothing is decoded or repaired, so that nothing can be smuggled. */
const TARGET = /^(https?):\/\/([^/?#@\\]+)(\/[^?#\\]*)?(?:[?#][^\\]*)?$/i;
const PRINTABLE = /^[\x21-\x7e]+$/;
const DEFAULT_PORT = { http: /:(?:80)?$/, https: /:(?:443)?$/ } as const;

/**
 * Scheme and host in lower case, without default port, query and fragment (RFC 3986 section 6.2.3). Undefined where the
 * text is no absolute http URI. Paths are left as they are: what a server makes of `/a/../b` is not for us to guess.
 */
export function normalTarget(uri: string): string | undefined {
  const parts = PRINTABLE.test(uri) ? TARGET.exec(uri) : null;
  if (parts === null) return undefined;
  const [, scheme = '', authority = '', path = '/'] = parts;
  const kind = scheme.toLowerCase() === 'https' ? 'https' : 'http';
  const host = authority.toLowerCase().replace(DEFAULT_PORT[kind], '');
  return host === '' ? undefined : `${kind}://${host}${path}`;
}
