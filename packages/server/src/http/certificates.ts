/** The certificate that TLS is served with: read, checked, and read again when its files change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { followFiles } from '../followed-files.ts';
import { type FileResult, readTextFile } from '../read-file.ts';

export interface CertificateFiles {
  /** PEM: the certificate, and then those that lead to the root. */
  readonly certificate: string;
  /** PEM, not encrypted. */
  readonly key: string;
  /** PEM: authorities whose client certificates are accepted. */
  readonly clientCa?: string | undefined;
  /** PEM: the list of client certificates that were revoked (RFC 5280 section 5). */
  readonly clientCrl?: string | undefined;
}

export type LoadedCertificate =
  | {
      readonly ok: true;
      readonly context: SecureContextOptions;
      /** Milliseconds since the epoch. */
      readonly expiresAt: number;
      /** What works, and should not stay so. */
      readonly warnings: readonly string[];
    }
  /** Names the file, and never holds what is in it. */
  | { readonly ok: false; readonly problem: string };

/** Never throws. A pair that does not fit together, or that OpenSSL refuses, is a problem; a date is a warning. */
export function loadCertificate(files: CertificateFiles, now: number): LoadedCertificate {
  try {
    const { text: cert } = read(files.certificate);
    const { text: key, openToOthers } = read(files.key);
    const ca = files.clientCa === undefined ? undefined : authoritiesIn(files.clientCa);
    const crl = files.clientCrl === undefined ? undefined : read(files.clientCrl).text;
    const own = parsed(files.certificate, () => new X509Certificate(cert));
    const secret = parsed(files.key, () => createPrivateKey(key));
    if (!own.checkPrivateKey(secret))
      return { ok: false, problem: `${files.key} is not the key of ${files.certificate}` };
    // By itself first, so that the problem names the file.
    if (crl !== undefined) parsed(files.clientCrl, () => createSecureContext({ crl }));
    const warnings = datesOf(files.certificate, own, now);
    if (openToOthers) warnings.push(`${files.key} is open to group or others; chmod 600 it`);
    const context = { cert, key, ...(ca !== undefined && { ca }), ...(crl !== undefined && { crl }) };
    parsed(files.certificate, () => createSecureContext(context));
    return { ok: true, context, expiresAt: Date.parse(own.validTo), warnings };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : 'unknown error' };
  }
}

/** The PEM text of a file of authorities. Never throws: OpenSSL passes over what is none, and would then trust nobody. */
export function readAuthorities(
  path: string,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string } {
  try {
    return { ok: true, text: authoritiesIn(path) };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : 'unknown error' };
  }
}

function authoritiesIn(path: string): string {
  const { text } = read(path);
  parsed(path, () => new X509Certificate(text));
  return text;
}

function datesOf(certificate: string, own: X509Certificate, now: number): string[] {
  const warnings: string[] = [];
  if (now >= Date.parse(own.validTo)) warnings.push(`${certificate} has expired (${own.validTo})`);
  if (now < Date.parse(own.validFrom)) warnings.push(`${certificate} is not valid yet (${own.validFrom})`);
  return warnings;
}

function read(path: string): Extract<FileResult, { readonly ok: true }> {
  const file = readTextFile(path);
  if (!file.ok) throw new Error(`${path} ${file.message}`);
  return file;
}

function parsed<T>(path: string | undefined, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${path} is not valid PEM that can be used here (${code ?? 'unknown error'})`);
  }
}

/** Two files are written one after the other: what is read between them would not fit together. */
const DEBOUNCE_MS = 200;

export interface FollowedCertificate {
  /** What the files held at first. */
  readonly first: LoadedCertificate;
  /** Reads them again now, as on SIGHUP. */
  reload(): void;
}

export interface CertificateFollowing {
  readonly files: CertificateFiles;
  readonly now: () => number;
  /** In force from now on. */
  readonly onRenewed: (loaded: LoadedCertificate & { readonly ok: true }) => void;
  /** What was in force stays so. */
  readonly onProblem: (problem: string) => void;
  readonly signal: AbortSignal;
}

/** Loads the certificate, and tells of a new one as soon as the files hold one. Ends with the signal. */
export function followCertificate(following: CertificateFollowing): FollowedCertificate {
  const { files, now, onRenewed, onProblem, signal } = following;
  const load = (): LoadedCertificate => {
    // Before they are read: what is written meanwhile is a change.
    followed.seen();
    return loadCertificate(files, now());
  };
  const reload = (): void => {
    if (signal.aborted) return;
    const loaded = load();
    if (loaded.ok) onRenewed(loaded);
    else onProblem(loaded.problem);
  };
  const followed = followFiles({
    paths: Object.values(files).filter((path) => path !== undefined),
    debounceMs: DEBOUNCE_MS,
    onChange: reload,
    onUnwatched: () => onProblem('the certificate cannot be watched; its renewal waits for a reload by signal'),
    signal,
  });
  return { first: load(), reload };
}
