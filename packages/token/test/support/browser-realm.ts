/**
 * Run as a program: loads the package's source, its types stripped, into a realm that has the language, WebCrypto and
 * TextEncoder and nothing of Node, uses all of it there, and prints what came out as JSON.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { createContext, SourceTextModule } from 'node:vm';

const ENTRY = `
  import { digest, find, fingerprint, generate, inspect, redact } from './index.ts';
  const text = generate({ prefix: 'tsr', environment: 'live' });
  const found = find('see ' + text + ' there');
  globalThis.report = {
    foreign: ['process', 'Buffer', 'require', 'setTimeout', 'window', 'document'].filter((name) => name in globalThis),
    outcome: inspect(text).outcome,
    foundAtItsPlace: found.length === 1 && found[0].token.text === text && found[0].start === 4,
    redacted: redact('see ' + text, () => '[token]'),
    fingerprint: fingerprint(await digest('abc')),
    accented: inspect('\\u00e9').outcome,
  };
`;

const source = new URL('../../src/', import.meta.url);
const context = createContext({ crypto, TextEncoder, report: undefined });
const loaded = new Map<string, SourceTextModule>();

function load(specifier: string): SourceTextModule {
  const known = loaded.get(specifier);
  if (known !== undefined) return known;
  const code = stripTypeScriptTypes(readFileSync(new URL(specifier, source), 'utf8'));
  const module = new SourceTextModule(code, { context, identifier: specifier });
  loaded.set(specifier, module);
  return module;
}

const entry = new SourceTextModule(ENTRY, { context, identifier: 'entry' });
await entry.link(load);
await entry.evaluate();
console.log(JSON.stringify(context.report));
