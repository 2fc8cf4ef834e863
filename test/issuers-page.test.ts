/** docs/issuers.md: its commands work as they stand there, and with them tokens as GitHub Actions and Kubernetes make them are accepted. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Minting } from './support/issuer.ts';
import { endServers, STARTS_MS } from './support/server.ts';
import { AUDIENCE, startTrusting, type Trusting } from './support/trusting.ts';

const root = resolve(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/issuers.md'), 'utf8');
let trusting: Trusting;
beforeAll(async () => {
  trusting = await startTrusting();
}, STARTS_MS);
afterAll(async () => {
  await endServers();
  await trusting.close();
});

const blocksOf = (heading: string, language: string): readonly string[] => {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`)).slice(1);
  const end = section.indexOf('\n## ');
  const blocks = [...section.slice(0, end < 0 ? undefined : end).matchAll(/```(\w+)\n([\s\S]*?)```/g)];
  return blocks.filter(([, is]) => is === language).map(([, , text = '']) => text);
};

/** The commands of a section, in one shell, with what issuers on the page stand for; what they print. */
async function run(commands: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<string> {
  const { issuer, other, server } = trusting;
  const script = commands
    .join('\n')
    .replaceAll('https://kubernetes.default.svc/openid/v1/jwks', `${other.url}/keys`)
    .replaceAll(
      /https:\/\/(?:token\.actions\.githubusercontent\.com|kubernetes\.default\.svc\.cluster\.local)/g,
      other.url,
    )
    .replaceAll('https://login.example.test/oauth2', issuer.url)
    .replaceAll('https://login.example.test', issuer.url);
  const shell = `tessera() { "${process.execPath}" packages/cli/bin/tessera.js "$@"; }\n${script}`;
  const env = { ...process.env, TESSERA_URL: server.url, TESSERA_TOKEN: server.rootToken, ...more };
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', shell], { cwd: root, env });
  return stdout;
}

const now = (): number => Math.floor(Date.now() / 1000);

it('GitHub Actions: the workflows of one branch of one repository, and no others', { timeout: STARTS_MS }, async () => {
  const { other, admin } = trusting;
  await run(blocksOf('GitHub Actions', 'sh'));
  const verify = (claims: object, header: object = {}) => {
    const all = {
      sub: 'repo:acme/shop:ref:refs/heads/main',
      ref: 'refs/heads/main',
      repository: 'acme/shop',
      repository_id: '4711',
      repository_owner: 'acme',
      run_attempt: '1',
      event_name: 'push',
      nbf: now() - 300,
      ...claims,
    };
    const minting: Minting = { header: { typ: 'JWT', x5t: 'eBZ_cn3sXYAd0ch4THBKHIgOwOE', ...header }, claims: all };
    return admin.verify(other.mint(AUDIENCE, minting), { audience: AUDIENCE, scopes: ['orders:write'] });
  };
  expect(await verify({})).toMatchObject({ code: 'ok', subject: 'repo:acme/shop:ref:refs/heads/main', owner: null });
  expect((await verify({ ref: 'refs/heads/evil' })).code).toBe('unknown');
  expect((await verify({ repository_id: '4712' })).code).toBe('unknown');
  expect((await verify({ aud: 'https://github.com/acme' })).code).toBe('wrong_audience');
  await trusting.reset();
});

it('Kubernetes: the service accounts of one namespace, each with an owner of ours', {
  timeout: STARTS_MS,
}, async () => {
  const { other, admin } = trusting;
  await run(blocksOf('Kubernetes', 'sh'));
  const verify = (namespace: string, account: string) => {
    const claims = {
      aud: [AUDIENCE],
      sub: `system:serviceaccount:${namespace}:${account}`,
      'kubernetes.io': { namespace, pod: { name: 'p', uid: 'u' }, serviceaccount: { name: account, uid: 'u' } },
      nbf: now(),
    };
    return admin.verify(other.mint(AUDIENCE, { header: { typ: undefined }, claims }), { audience: AUDIENCE });
  };
  expect(await verify('shop', 'importer')).toMatchObject({ code: 'ok', ownerType: 'service', scopes: ['orders:read'] });
  expect((await verify('shop', 'another')).code).toBe('unknown');
  expect((await verify('default', 'importer')).code).toBe('unknown');
  await trusting.reset();
});

it('the manifests and workflows are YAML, and ask for the audience that the command trusts', () => {
  const [workflow, pod] = ['GitHub Actions', 'Kubernetes'].flatMap((heading) => blocksOf(heading, 'yml'));
  const { jobs } = parse(workflow ?? '') as { jobs: { deploy: { permissions: object; steps: { run: string }[] } } };
  expect(jobs.deploy.permissions).toEqual({ 'id-token': 'write' });
  expect(jobs.deploy.steps[0]?.run).toContain(`&audience=${AUDIENCE}"`);
  const { spec } = parse(pod ?? '') as { spec: { volumes: { projected: { sources: object[] } }[] } };
  expect(spec.volumes[0]?.projected.sources[0]).toMatchObject({ serviceAccountToken: { audience: AUDIENCE } });
});

it('an issuer that is asked, and what takes its tokens back', { timeout: STARTS_MS }, async () => {
  const { issuer, admin } = trusting;
  await run([...blocksOf('Issuers that have to be asked', 'sh')], { CLIENT_SECRET: 'a secret' });
  issuer.states.set('at_1', { sub: 'u', aud: AUDIENCE, scope: 'orders:read', iat: now() - 10, jti: '4f1c9a' });
  const codeOf = async () => (await admin.verify('at_1', { audience: AUDIENCE })).code;
  expect(await codeOf()).toBe('ok');
  expect(issuer.lastQuestion?.authorization).toBe(`Basic ${Buffer.from('tessera:a+secret').toString('base64')}`);
  const { items } = await admin.do('issuers.list');
  const commands = (blocksOf('Taking it back', 'sh')[0] ?? '').trim().split('\n');
  expect(commands.length).toBe(4);
  expect(await run(commands.slice(0, 1), { ISSUER: items[0]?.id ?? '' })).toBe(
    `Tokens of ${issuer.url} with jti 4f1c9a are refused.\n`,
  );
  expect(await codeOf()).toBe('revoked');
  const shown = await run(commands.slice(1), { ISSUER: items[0]?.id ?? '' });
  expect(shown).toMatch(/for repo:acme\/shop:ref:refs\/heads\/main issued before \d/);
  expect(shown).toMatch(/enabled +(?:false|no)/);
  expect(shown).not.toContain('a secret');
  expect(await codeOf()).toBe('disabled');
  await trusting.reset();
});

it('the first command of the page trusts by discovery, with the scopes after a prefix', {
  timeout: STARTS_MS,
}, async () => {
  await run([/```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? '']);
  const { admin, mint } = trusting;
  // What is left of `orders/orders:read` is a scope of the api.
  const verdict = await admin.verify(mint({ claims: { scope: 'orders/orders:read orders:write' } }));
  expect(verdict).toMatchObject({ code: 'ok', scopes: ['orders:read'] });
});
