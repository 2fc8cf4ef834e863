/** How a setting names a key of a transit engine. */

export interface KeyUrl {
  /** With the mount, and no slash at its end. */
  readonly base: string;
  readonly key: string;
}

/** Undefined: no URL of a transit key over https, or over http on this machine. */
export function keyUrl(text: string): KeyUrl | undefined {
  const url = URL.parse(text);
  const [, mount, key] = /^(\/v1\/[\w./-]+)\/keys\/([\w.-]+)$/.exec(url?.pathname ?? '') ?? [];
  if (url === null || mount === undefined || key === undefined || url.search !== '' || url.hash !== '')
    return undefined;
  if (url.username !== '' || url.password !== '') return undefined;
  const isLoopback = url.hostname === 'localhost' || url.hostname === '127.0.0.1' || url.hostname === '[::1]';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback)) return undefined;
  return { base: `${url.origin}${mount}`, key };
}
