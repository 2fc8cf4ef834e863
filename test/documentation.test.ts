/** What the pages show can be pasted: every YAML block is a valid configuration, and every link leads somewhere. */
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certificates } from './support/certificates.ts';
import { endServers, runToEnd, STARTS_MS, temporaryFolder, writeConfig } from './support/server.ts';

const root = resolve(import.meta.dirname, '..');
const PAGES = [
  'README.md',
  'docs/guide.md',
  'docs/gateway.md',
  'docs/operations.md',
  'docs/signed-tokens.md',
  'docs/issuers.md',
];
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');
const blocksOf = (page: string): string[] =>
  [...textOf(page).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);

const authority = certificates();
let files = '';
beforeAll(() => {
  files = temporaryFolder();
  const write = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(files, path)), { recursive: true });
    writeFileSync(join(files, path), text);
    chmodSync(join(files, path), mode);
  };
  const server = authority.server(['localhost']);
  const client = authority.client('gateway');
  write('tls/fullchain.pem', server.certificatePem);
  write('tls/privkey.pem', server.keyPem, 0o600);
  write('tls/clients-ca.pem', authority.certificatePem);
  write('upstream-ca.pem', authority.certificatePem);
  write('client.pem', client.certificatePem);
  write('client.key', client.keyPem, 0o600);
  const { privateKey } = generateKeyPairSync('ed25519');
  write('assertion.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600);
});
afterAll(endServers);
afterAll(authority.remove);

const blocks = PAGES.flatMap((page) => blocksOf(page).map((block, index) => [page, index + 1, block] as const));

test('there are blocks to look at', () => {
  expect(blocks.length).toBeGreaterThan(12);
});

test.each(blocks)(
  '%s, block %i of YAML passes `tessera config check`',
  { timeout: STARTS_MS },
  async (_page, _index, block) => {
    const text = block.replaceAll('/etc/tessera/', `${files}/`).replaceAll('./assertion.pem', `${files}/assertion.pem`);
    const config = writeConfig(temporaryFolder(), text);
    const { code, stderr } = await runToEnd(['config', 'check'], { TESSERA_CONFIG: config });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^the configuration is valid; routes: \d+\n$/)]);
  },
);

const pages = [
  ...readdirSync(root),
  ...readdirSync(join(root, 'docs')).map((name) => join('docs', name)),
  ...readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' }).map((name) => join('examples', name)),
].filter((name) => name.endsWith('.md'));

test.each(pages)('%s: its links lead to a file, and to a heading in it', (page) => {
  const text = textOf(page).replaceAll(/^```[\s\S]*?^```$/gm, '');
  const dead = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#', 2);
      const target = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
    });
  expect(dead).toEqual([]);
});

/** As the usual renderers name headings. */
function anchorsOf(text: string): string[] {
  return [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
