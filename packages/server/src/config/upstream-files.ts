/** The files that routes name for TLS to their upstreams: read with the configuration, and wrong at the line that names them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import type { TlsMaterial } from '../core/compiled-upstream.ts';
import type { Surroundings } from './environment.ts';
import type { Route } from './routes.ts';
import type { Finding } from './schema-problems.ts';

export interface UpstreamFiles {
  readonly routes: readonly Route[];
  /** Their paths start at the whole file. */
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
}

type Reading = Pick<Surroundings, 'cwd' | 'readFile'>;

/** The routes with what their files hold now. Does not throw. */
export function withUpstreamFiles(routes: readonly Route[], reading: Reading): UpstreamFiles {
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  const filled = routes.map((route, index) => {
    const { tls } = route.upstream;
    if (tls === undefined) return route;
    const at = (name: string) => ['routes', index, 'upstream', 'tls', name];
    const material = materialOf(tls, {
      ...reading,
      refuse: (name, message) => problems.push({ path: at(name), message }),
      warn: (name, message) => warnings.push({ path: at(name), message }),
    });
    if (!tls.verify) warnings.push({ path: at('verify'), message: NOT_VERIFIED });
    return { ...route, upstream: { ...route.upstream, tls: { ...tls, material } } };
  });
  return { routes: filled, problems, warnings };
}

const NOT_VERIFIED = 'is false: anyone on the way to the upstream can read and change what passes';

type Name = 'ca' | 'certificate' | 'key';

interface Telling extends Reading {
  readonly refuse: (name: Name, message: string) => void;
  readonly warn: (name: Name, message: string) => void;
}

function materialOf(paths: Readonly<Partial<Record<Name, string | undefined>>>, telling: Telling): TlsMaterial {
  const { refuse } = telling;
  const ca = textOf('ca', paths.ca, telling);
  const certificate = textOf('certificate', paths.certificate, telling);
  const keyText = textOf('key', paths.key, telling);
  const own = certificate === undefined ? undefined : firstCertificate(certificate);
  const key = keyText === undefined ? undefined : privateKey(keyText);
  if (ca !== undefined && firstCertificate(ca) === undefined) refuse('ca', NO_CERTIFICATE);
  if (certificate !== undefined && own === undefined) refuse('certificate', NO_CERTIFICATE);
  if (keyText !== undefined && key === undefined) refuse('key', NO_KEY);
  if (own !== undefined && key !== undefined && !own.checkPrivateKey(key)) refuse('key', OTHER_KEY);
  return {
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
  };
}

const NO_CERTIFICATE = 'names a file without a certificate in PEM, or with a broken one';
const NO_KEY = 'names a file without a private key in PEM, or with one that needs a passphrase';
const OTHER_KEY = 'names a private key that is not the one of the certificate';
const OPEN_KEY = 'names a file that is open to group or others; chmod 600 it';

function textOf(name: Name, path: string | undefined, { cwd, readFile, refuse, warn }: Telling): string | undefined {
  if (path === undefined) return undefined;
  const file = readFile(resolve(cwd, path));
  if (!file.ok) {
    refuse(name, `names a file that ${file.message}`);
    return undefined;
  }
  if (name === 'key' && file.openToOthers) warn(name, OPEN_KEY);
  return file.text;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The first of a file in which all can be read. */
function firstCertificate(text: string): X509Certificate | undefined {
  try {
    return (text.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem))[0];
  } catch {
    return undefined;
  }
}

function privateKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}
