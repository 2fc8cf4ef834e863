/** Routes that ask for what no listener brings: client certificates that nobody is asked to present. */
import type { Finding } from './schema-problems.ts';

interface Asking {
  readonly require?: { readonly clientCertificate?: boolean } | undefined;
  readonly identity?: { readonly clientCertificate?: boolean } | undefined;
}

export function withoutCertificates(
  routes: readonly Asking[],
  clientCertificates: 'off' | 'optional' | 'required',
): readonly Finding[] {
  if (clientCertificates !== 'off') return [];
  return routes.flatMap((route, index) =>
    (['require', 'identity'] as const)
      .filter((part) => route[part]?.clientCertificate === true)
      .map((part) => ({
        path: ['routes', index, part, 'clientCertificate'],
        message: 'needs tlsClientCertificates: no client is asked for one',
      })),
  );
}
