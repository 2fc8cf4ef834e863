/** What deploy/ says is what the programs understand: settings that exist, a balancer and units that parse, nothing more allowed than needed. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composeOf, DEPLOY, deployText, variablesOf, withSecretsIn } from './support/deploy.ts';
import { describeWith, findProgram } from './support/program.ts';
import { endServers, runToEnd, STARTS_MS, temporaryFolder } from './support/server.ts';

const run = promisify(execFile);
const CLI = join(DEPLOY, '../packages/cli/bin/tessera.js');
const COMPOSE = ['one-node', 'three-nodes'] as const;
const UNITS = ['tessera.service', 'tessera@.service'] as const;

let folder: string;
beforeAll(async () => {
  folder = temporaryFolder();
  await run(join(DEPLOY, 'make-secrets.sh'), [folder], {
    env: { PATH: process.env.PATH, TESSERA: `${process.execPath} ${CLI}` },
  });
});
afterAll(endServers);

/** As the server itself reads them, with every name that it does not know. */
async function check(variables: Readonly<Record<string, string>>): Promise<unknown> {
  const config = { TESSERA_CONFIG: join(DEPLOY, 'tessera.yaml') };
  const { code, stderr } = await runToEnd(['config', 'check'], {
    ...withSecretsIn(join(folder, 'secrets'), variables),
    ...config,
  });
  return [code, stderr];
}

const VALID = [0, 'the configuration is valid; routes: 1\n'];
const nodes = COMPOSE.flatMap((name) =>
  Object.entries(composeOf(name).services)
    .filter(([, { image }]) => image.startsWith('tessera:'))
    .map(([service, node]) => [`${name}/${service}`, node] as const),
);

describe('what is set for a node', { timeout: STARTS_MS }, () => {
  it.each(nodes)('%s is known and valid', async (_name, { environment = {} }) => {
    expect(Object.keys(environment)).toContain('TESSERA_MASTER_KEY_FILE');
    expect(await check(environment)).toEqual(VALID);
  });

  it.each(UNITS)('%s is known and valid', async (unit) => {
    const variables = {
      ...variablesOf(deployText(`systemd/${unit}`)),
      ...variablesOf(deployText('systemd/node-1.env')),
    };
    expect(Object.keys(variables)).toContain('TESSERA_MASTER_KEY_FILE');
    expect(await check(variables)).toEqual(VALID);
  });

  it('by the image is known and valid', async () => {
    const variables = Object.fromEntries(
      [...deployText('Dockerfile').matchAll(/\b(TESSERA_[A-Z_]+)=(\S+)/g)].map(([, name = '', value = '']) => [
        name,
        value,
      ]),
    );
    expect(variables).toMatchObject({ TESSERA_HOST: '0.0.0.0' });
    expect(await check(variables)).toEqual(VALID);
  });

  it('would be refused where it is misspelt', async () => {
    expect(await check({ TESSERA_DRAIN_SECOND: '4' })).toEqual([0, expect.stringContaining('TESSERA_DRAIN_SECOND')]);
  });
});

describe.each(COMPOSE)('%s/compose.yaml', (name) => {
  const { services, secrets, networks = {} } = composeOf(name);

  it.each(Object.entries(services))('%s may do nothing that it does not need', (service, described) => {
    expect(described).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(described.privileged).toBeUndefined();
    expect(described.network_mode).toBeUndefined();
    // PostgreSQL alone begins as root, to give its volume away.
    expect(described.cap_add ?? []).toEqual(
      service === 'postgres' ? ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'] : [],
    );
    for (const port of described.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
    for (const [variable, value] of Object.entries(described.environment ?? {})) {
      if (/KEY|PASSWORD|TOKEN|URL/.test(variable))
        expect([variable, value]).toEqual([
          expect.stringMatching(/_FILE$/),
          expect.stringMatching(/^\/run\/secrets\//),
        ]);
    }
    for (const volume of described.volumes ?? []) expect(volume).toMatch(/:ro$|^(?:data|postgres):/);
  });

  it('names secrets that make-secrets.sh makes, and networks that nobody else is on', () => {
    for (const { file } of Object.values(secrets)) expect(existsSync(join(folder, file)), file).toBe(true);
    for (const { secrets: used = [] } of Object.values(services))
      expect(Object.keys(secrets)).toEqual(expect.arrayContaining([...used]));
    for (const [network, described] of Object.entries(networks))
      expect(described?.internal ?? false).toBe(network !== 'outside');
  });

  it('waits for a node to end as long as the node may take', () => {
    for (const { image, environment = {}, stop_grace_period: grace = '0s' } of Object.values(services)) {
      if (!image.startsWith('tessera:')) continue;
      const takes = Number(environment.TESSERA_DRAIN_SECONDS ?? 0) + Number(environment.TESSERA_SHUTDOWN_SECONDS);
      expect(Number.parseInt(grace, 10)).toBeGreaterThan(takes);
    }
  });
});

describe('make-secrets.sh', () => {
  it('makes files for their owner alone, and keeps those that are there', async () => {
    const secrets = join(folder, 'secrets');
    const read = () => readdirSync(secrets).map((name) => readFileSync(join(secrets, name), 'utf8'));
    const before = read();
    for (const name of readdirSync(secrets))
      expect([name, statSync(join(secrets, name)).mode & 0o777]).toEqual([name, 0o600]);
    await run(join(DEPLOY, 'make-secrets.sh'), [folder], {
      env: { PATH: process.env.PATH, TESSERA: `${process.execPath} ${CLI}` },
    });
    expect(read()).toEqual(before);
    expect(readFileSync(join(folder, '.env'), 'utf8')).toMatch(/^TESSERA_USER=[1-9][0-9]*:[0-9]+\n$/);
  });
});

describe('make-secrets.sh without its program', () => {
  it('fails, and leaves no empty secret that would be kept', async () => {
    const empty = temporaryFolder();
    const env = { PATH: process.env.PATH, TESSERA: 'false' };
    await expect(run(join(DEPLOY, 'make-secrets.sh'), [empty], { env })).rejects.toMatchObject({ code: 1 });
    expect(readdirSync(join(empty, 'secrets')).toSorted()).toEqual([
      'database_password',
      'database_url',
      'master_key',
      'redis_password',
      'redis_url',
      'redis_users',
    ]);
  });
});

describe('the image', () => {
  const text = deployText('Dockerfile');

  it('installs from the manifest of every package, and copies nothing that is not there', () => {
    for (const name of readdirSync(join(DEPLOY, '../packages')))
      expect(text).toContain(`COPY packages/${name}/package.json packages/${name}/\n`);
    for (const [, from = ''] of text.matchAll(/^COPY (?!--)(.+) \S+$/gm)) {
      for (const path of from.split(' ')) expect(existsSync(join(DEPLOY, '..', path)), path).toBe(true);
    }
  });

  it('runs as nobody who could change it, and is sent the signal that drains', () => {
    expect(text.indexOf('\nUSER node\n')).toBeGreaterThan(text.lastIndexOf('\nCOPY '));
    expect(text).toContain('\nSTOPSIGNAL SIGTERM\n');
  });
});

describeWith(['haproxy'], 'haproxy.cfg', () => {
  const text = deployText('three-nodes/haproxy.cfg');

  it('is a configuration of HAProxy', async () => {
    const file = join(temporaryFolder(), 'haproxy.cfg');
    // Names of containers mean nothing here.
    writeFileSync(file, text.replaceAll(/ node-\d:/g, ' 127.0.0.1:'));
    const { stderr } = await run(findProgram('haproxy') ?? '', ['-c', '-f', file]);
    expect(stderr).not.toMatch(/WARNING|ALERT/);
  });

  it('stands where the nodes believe it to be', () => {
    const { services, networks } = composeOf('three-nodes');
    const joined = services.balancer?.networks ?? [];
    const address = 'front' in joined ? (joined.front?.ipv4_address ?? '') : '';
    for (const [, { environment }] of nodes.filter(([name]) => name.startsWith('three-nodes/'))) {
      expect(environment?.TESSERA_TRUSTED_PROXIES).toBe(address);
    }
    const [network = '', length = ''] = (networks?.front?.ipam?.config[0]?.subnet ?? '').split('/');
    const subnet = new BlockList();
    subnet.addSubnet(network, Number(length));
    expect(subnet.check(address)).toBe(true);
  });

  it('has the nodes of compose.yaml, each asked whether it is ready', () => {
    const names = Object.keys(composeOf('three-nodes').services).filter((name) => name.startsWith('node-'));
    expect(
      [...text.matchAll(/^ {2}server (\S+) (\S+)(.*)$/gm)].map(([, name, address, more]) => [name, address, more]),
    ).toEqual([
      ...names.map((name) => [name, `${name}:8420`, '']),
      ...names.map((name) => [name, `${name}:8421`, ' port 8420']),
    ]);
    expect(text.match(/option httpchk GET \/readyz/g)).toHaveLength(2);
  });
});

describeWith(['systemd-analyze'], 'the units', () => {
  const installed = temporaryFolder();
  beforeAll(() => {
    mkdirSync(join(installed, 'node'), { recursive: true });
    for (const unit of UNITS) {
      const text = deployText(`systemd/${unit}`);
      expect(text).toContain(
        'ExecStart=/opt/tessera/node_modules/.bin/node /opt/tessera/packages/server/bin/tessera-server.js start',
      );
      // It looks for the program, which is not installed on this machine.
      writeFileSync(
        join(installed, unit.replace('@', '@1')),
        text.replaceAll('/opt/tessera/node_modules/.bin/node', process.execPath),
      );
    }
  });

  it.each(['tessera.service', 'tessera@1.service'])('%s is a unit of systemd, and exposes little', async (unit) => {
    const file = join(installed, unit);
    expect(await run('systemd-analyze', ['verify', '--man=no', file])).toEqual({ stdout: '', stderr: '' });
    // Of 10; fails above 1.5. The rest is the network, and an engine that compiles.
    await run('systemd-analyze', ['security', '--offline=yes', '--threshold=15', file]);
  });

  it('have the same hardening', () => {
    const [one, several] = UNITS.map((unit) => deployText(`systemd/${unit}`));
    const hardening = (text = ''): string => text.slice(text.indexOf('UMask=')).replace('/node-%i', '');
    expect(hardening(several)).toBe(hardening(one));
    expect(hardening(one)).toContain('NoNewPrivileges=yes\n');
  });

  it('are waited for as long as a node may take', () => {
    for (const unit of UNITS) {
      const text = deployText(`systemd/${unit}`);
      const drain = Number(variablesOf(text).TESSERA_DRAIN_SECONDS ?? 0);
      expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1])).toBeGreaterThan(drain + 25);
    }
  });
});
