/** A text in the form of Tessera's own tokens, or close to it. */
import { digest, fingerprint } from '../digest.ts';
import { type Environment, inspect, type Refusal } from '../format.ts';
import { type Finding, type FindingCode, finding } from './findings.ts';

export interface OpaqueDetails {
  readonly wellFormed: boolean;
  /** As the reader of tokens tells it. */
  readonly outcome: 'ok' | Refusal;
  readonly prefix: string | null;
  readonly environment: Environment | null;
  /** The last four characters of a token that is well formed: they belong to the checksum. */
  readonly hint: string | null;
  readonly characters: number;
}

export interface OpaqueRead {
  readonly description: string;
  readonly details: OpaqueDetails;
  readonly findings: readonly Finding[];
}

/** So that a text is taken for one that was meant to be a token. In any letter case: that may be what is wrong with it. */
const NEARLY = /^[a-z0-9]{1,20}_(?:(?:live|test)_\S{16,}|[a-z]{2,12}_[^\s_]{40,60})$/i;

const CODES: Readonly<Record<Refusal, FindingCode>> = {
  too_long: 'oversize',
  bad_alphabet: 'token_alphabet',
  bad_shape: 'token_shape',
  bad_prefix: 'token_prefix',
  bad_environment: 'token_environment',
  bad_length: 'token_length',
  bad_checksum: 'token_checksum',
};

/** Undefined: nothing like a token. */
export function readOpaque(text: string): OpaqueRead | undefined {
  const inspection = inspect(text);
  if (inspection.outcome === 'ok') {
    const { prefix, environment, hint } = inspection.token;
    return {
      description: 'a well-formed token of Tessera; only a server can say whether it was ever issued and still holds',
      details: { wellFormed: true, outcome: 'ok', prefix, environment, hint, characters: text.length },
      findings: [],
    };
  }
  if (!NEARLY.test(text)) return undefined;
  const { outcome } = inspection;
  return {
    description: 'nearly a token of Tessera',
    details: {
      ...{ wellFormed: false, outcome, prefix: null, environment: null, hint: null },
      characters: text.length,
    },
    findings: [finding(CODES[outcome])],
  };
}

/** What names a text in logs and lists; null where there is no WebCrypto, as on a web page served without TLS. */
export async function fingerprintOf(text: string): Promise<string | null> {
  try {
    return fingerprint(await digest(text));
  } catch {
    return null;
  }
}
