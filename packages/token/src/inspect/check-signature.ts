/** Whether a JWS is signed by one of the keys that were given, by WebCrypto. The algorithm is taken from the text only where the key is one for it. */
import { type ImportedKey, platform } from '../platform.ts';
import { type Finding, finding } from './findings.ts';
import { type Key, type KeyDetails, nameOf } from './key-set.ts';
import type { Members } from './read-json.ts';
import { quoted } from './shown.ts';
import { type SignatureAlgorithm, signatureAlgorithm } from './signature-algorithms.ts';

export interface SignatureCheck {
  /** Whether any key was tried. */
  readonly checked: boolean;
  /** Null where it was not checked. */
  readonly valid: boolean | null;
  /** By which key it is. */
  readonly key: KeyDetails | null;
}

export interface Checked {
  readonly result: SignatureCheck;
  readonly findings: readonly Finding[];
}

export interface Signed {
  readonly header: Members | undefined;
  /** All three parts. */
  readonly text: string;
  readonly signature: Uint8Array | undefined;
  readonly keys: readonly Key[] | undefined;
}

export async function checkSignature({ header, text, signature, keys }: Signed): Promise<Checked> {
  const alg = signatureAlgorithm(header?.alg);
  if (keys === undefined || header === undefined || alg === undefined || signature === undefined) return unchecked();
  const named = header.kid === undefined ? [] : keys.filter(({ kid }) => kid === header.kid);
  const findings: Finding[] = [];
  if (header.kid !== undefined && named.length === 0)
    findings.push(finding('no_such_key', { at: 'kid', detail: `kid ${quoted(header.kid)}` }));

  const data = new platform.TextEncoder().encode(text.slice(0, text.lastIndexOf('.')));
  let tried = 0;
  for (const key of named.length > 0 ? named : keys) {
    const fault = unsuitability(key, alg, header.alg);
    const imported = fault === undefined ? await importKey(key.jwk, alg) : undefined;
    if (imported === undefined) {
      // Of keys that nobody named, those for something else are passed over.
      if (named.length > 0) findings.push(unusable(key, alg, fault));
      continue;
    }
    tried += 1;
    if (await platform.crypto.subtle.verify(alg.parameters, imported, signature, data))
      return { result: { checked: true, valid: true, key: key.details }, findings };
  }
  findings.push(finding('signature_invalid', { at: 'signature' }));
  return { result: { checked: tried > 0, valid: tried > 0 ? false : null, key: null }, findings };
}

function unchecked(): Checked {
  return {
    result: { checked: false, valid: null, key: null },
    findings: [finding('signature_unchecked', { at: 'signature' })],
  };
}

function unusable({ details, jwk }: Key, alg: SignatureAlgorithm, fault: string | undefined): Finding {
  const at = nameOf(details);
  if (alg.kty === 'oct' && jwk.kty !== 'oct') return finding('alg_confusion', { at });
  return finding('key_unusable', { at, detail: fault ?? 'it makes no key, or one that is not known here' });
}

/** Why a key is none for this algorithm. */
function unsuitability({ jwk }: Key, alg: SignatureAlgorithm, name: unknown): string | undefined {
  if (jwk.kty !== alg.kty || (alg.crv !== undefined && jwk.crv !== alg.crv)) return `it is no key for ${quoted(name)}`;
  // "EdDSA" and "Ed25519" are one algorithm with two names.
  if (jwk.alg !== undefined && signatureAlgorithm(jwk.alg) !== alg) return `it is for ${quoted(jwk.alg)} only`;
  return jwk.use !== undefined && jwk.use !== 'sig' ? 'it is not for signatures' : undefined;
}

/** Just the members that verifying needs: no private one reaches WebCrypto, and none that it would stumble over. */
async function importKey(jwk: Members, { kty, parameters }: SignatureAlgorithm): Promise<ImportedKey | undefined> {
  const { crv, x, y, n, e, k, pub } = jwk;
  const members = {
    RSA: { kty, n, e },
    EC: { kty, crv, x, y },
    OKP: { kty, crv, x },
    oct: { kty, k },
    AKP: { kty, alg: parameters.name, pub },
  }[kty];
  try {
    return await platform.crypto.subtle.importKey('jwk', members, parameters, false, ['verify']);
  } catch {
    return undefined;
  }
}
