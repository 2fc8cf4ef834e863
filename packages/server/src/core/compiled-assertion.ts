/** The assertion that a route sends, from the configuration's words into what is signed. */

export interface IdentityConfig {
  readonly clientCertificate?: boolean;
  readonly assertion?: boolean | { readonly audience: string };
}

export interface RouteAssertion {
  /** Several where the upstream has several origins: they are one service. */
  readonly audience: string | readonly string[];
}

/** Undefined where the route sends none. */
export function compileAssertion(
  identity: IdentityConfig | undefined,
  targets: readonly { readonly url: string }[],
): RouteAssertion | undefined {
  const assertion = identity?.assertion ?? false;
  if (assertion === false) return undefined;
  if (assertion !== true) return Object.freeze({ audience: assertion.audience });
  const [first, ...others] = targets.map(({ url }) => url);
  return Object.freeze({ audience: first === undefined || others.length > 0 ? targets.map(({ url }) => url) : first });
}
