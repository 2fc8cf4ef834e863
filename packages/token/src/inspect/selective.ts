/** An SD-JWT (RFC 9901): a signed text, what its holder chose to disclose of it, and perhaps a proof of the holder. */
import { decodeBase64url } from './base64url.ts';
import { type Finding, finding } from './findings.ts';
import { utf8 } from './read-json.ts';
import { shown } from './shown.ts';
import { type ReadingOptions, readSigned, type SignedDetails } from './signed.ts';

export interface SelectiveDetails extends SignedDetails {
  /** Without their salts. A name is null for an element of a list. */
  readonly disclosures: readonly { readonly name: unknown; readonly value: unknown }[];
  readonly hasKeyBinding: boolean;
}

/** More than any text has; the others are not told. */
const MAX_DISCLOSURES = 100;

export interface SelectiveRead {
  readonly description: string;
  readonly details: SelectiveDetails;
  readonly findings: readonly Finding[];
}

export async function readSelective(text: string, options: ReadingOptions): Promise<SelectiveRead> {
  const [jws = '', ...rest] = text.split('~');
  const keyBinding = rest.pop() ?? '';
  const read = await readSigned(jws, options);
  const findings = [...read.findings];
  const disclosures = rest.slice(0, MAX_DISCLOSURES).flatMap((part, index) => {
    const value = disclosed(part);
    if (value === undefined) findings.push(finding('not_json', { at: `disclosure ${index + 1}` }));
    return value === undefined ? [] : [value];
  });
  return {
    description: 'a signed text with selective disclosure (SD-JWT)',
    details: { ...read.details, disclosures, hasKeyBinding: keyBinding !== '' },
    findings,
  };
}

/** Salt, name and value; of an element of a list, salt and value (RFC 9901 section 4.2). */
function disclosed(part: string): SelectiveDetails['disclosures'][number] | undefined {
  const { bytes } = decodeBase64url(part);
  const text = bytes === undefined ? undefined : utf8(bytes);
  if (text === undefined || deepest(text) > MAX_BRACKETS) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value) || value.length < 2 || value.length > 3) return undefined;
    const [name, content] = value.length === 3 ? [value[1], value[2]] : [null, value[1]];
    return { name: shown(name), value: shown(content) };
  } catch {
    return undefined;
  }
}

/** What shows a value walks through it recursively. */
const MAX_BRACKETS = 1000;

/** No value is nested more deeply than it has brackets. */
function deepest(text: string): number {
  let brackets = 0;
  for (const character of text) if (character === '[' || character === '{') brackets += 1;
  return brackets;
}
