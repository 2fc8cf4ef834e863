/** PEM (RFC 7468): keys and certificates, which are pasted where a token is wanted. Nothing of them is shown. */
import { type Finding, finding } from './findings.ts';

export interface PemDetails {
  /** Such as `PRIVATE KEY`, in order. */
  readonly labels: readonly string[];
}

export interface PemRead {
  readonly description: string;
  readonly details: PemDetails;
  readonly findings: readonly Finding[];
}

const BEGIN = /-----BEGIN ([A-Z0-9 ]{1,40})-----/g;
const MAX_LABELS = 20;

/** Undefined: no PEM. */
export function readPem(text: string): PemRead | undefined {
  const labels = Array.from(text.matchAll(BEGIN), ([, label = '']) => label).slice(0, MAX_LABELS);
  const [first] = labels;
  if (first === undefined) return undefined;
  const hasPrivate = labels.some((label) => label.endsWith('PRIVATE KEY'));
  return {
    description: hasPrivate ? 'a private key in PEM' : `PEM: ${first.toLowerCase()}`,
    details: { labels },
    findings: [finding(hasPrivate ? 'private_key' : 'not_a_token')],
  };
}
