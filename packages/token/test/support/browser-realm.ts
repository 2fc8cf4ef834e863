/**
 * Run as a program: loads the package's source, its types stripped, into a realm that has the language, WebCrypto,
 * TextEncoder and TextDecoder and nothing of Node, uses all of it there, and prints what came out as JSON.
 */
import { Buffer } from 'node:buffer';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { createContext, SourceTextModule } from 'node:vm';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const body = `${encoded({ alg: 'EdDSA', typ: 'at+jwt' })}.${encoded({ exp: 1 })}`;
const signed = `${body}.${sign(null, Buffer.from(body), privateKey).toString('base64url')}`;

const ENTRY = `
  import { inspectText, readKeys } from './inspect/inspect-text.ts';
  import { digest, find, fingerprint, generate, inspect, redact } from './index.ts';
  const text = generate({ prefix: 'tsr', environment: 'live' });
  const found = find('see ' + text + ' there');
  const describe = ({ kind, details }) => kind + ' signed by key ' + details.signature.key.index;
  globalThis.report = {
    foreign: ['process', 'Buffer', 'require', 'setTimeout', 'window', 'document'].filter((name) => name in globalThis),
    outcome: inspect(text).outcome,
    foundAtItsPlace: found.length === 1 && found[0].token.text === text && found[0].start === 4,
    redacted: redact('see ' + text, () => '[token]'),
    fingerprint: fingerprint(await digest('abc')),
    accented: inspect('\\u00e9').outcome,
    inspected: [(await inspectText(text, { now: 0 })).kind, describe(await inspectText(signed, { now: 0, keys: readKeys(keys) }))],
  };
`;

const source = new URL('../../src/', import.meta.url);
const keys = JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] });
const context = createContext({ crypto, TextEncoder, TextDecoder, signed, keys, report: undefined });
const loaded = new Map<string, SourceTextModule>();

function load(specifier: string, { identifier }: { readonly identifier: string }): SourceTextModule {
  const url = new URL(specifier, identifier);
  const known = loaded.get(url.href);
  if (known !== undefined) return known;
  const code = stripTypeScriptTypes(readFileSync(url, 'utf8'));
  const module = new SourceTextModule(code, { context, identifier: url.href });
  loaded.set(url.href, module);
  return module;
}

const entry = new SourceTextModule(ENTRY, { context, identifier: new URL('entry', source).href });
await entry.link(load);
await entry.evaluate();
console.log(JSON.stringify(context.report));
