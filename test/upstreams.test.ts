/** Targets come and go under load: what can be answered is answered, and an operator sees which target was out and when. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { caller } from './support/call.ts';
import { certificates } from './support/certificates.ts';
import { metric } from './support/metrics.ts';
import { endServers, type Server, STARTS_MS, startServer, temporaryFolder, writeConfig } from './support/server.ts';
import { endTargets, type TargetProcess, targetProcess } from './support/target-process.ts';

const authority = certificates();
afterAll(async () => {
  await endServers();
  endTargets();
  authority.remove();
});

const CLIENTS = 4;
const OUT = 'requests to a target failed: it is out of service';
const IN = 'a target is in service again';

interface Load {
  /** Answers so far: who answered a 200, or the status. */
  readonly answers: string[];
  /** Resolves when one that comes from now on is this. */
  until(answer: string): Promise<void>;
  stop(): Promise<void>;
}

/** Four clients, each asking again as soon as it has its answer. */
function load(server: Server, token: string, path: string): Load {
  const answers: string[] = [];
  const waiting = new Set<(answer: string) => void>();
  let running = true;
  const client = async (): Promise<void> => {
    while (running) {
      const response = await fetch(server.gateway + path, { headers: { Authorization: `Bearer ${token}` } });
      const text = await response.text();
      const answer = response.status === 200 ? text : String(response.status);
      answers.push(answer);
      for (const hears of waiting) hears(answer);
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  return {
    answers,
    until: (wanted) =>
      new Promise((resolve) => {
        const hear = (answer: string): void => {
          if (answer !== wanted) return;
          waiting.delete(hear);
          resolve();
        };
        waiting.add(hear);
      }),
    async stop() {
      running = false;
      await Promise.all(clients);
    },
  };
}

const routesTo = ([a, b]: readonly TargetProcess[], weight = 1): string => `
routes:
  - name: both
    match: { path: /both/* }
    upstream:
      targets: [{ url: "${a?.origin}", weight: ${weight} }, { url: "${b?.origin}" }]
      eject: { for: 1s, longest: 1s, ramp: 0 }
  - name: other
    match: { path: /other/* }
    upstream: "${b?.origin}"
`;

async function started(delayMs: number) {
  const targets = [await targetProcess({ name: 'a', delayMs }), await targetProcess({ name: 'b', delayMs })] as const;
  const server = await startServer({ config: routesTo(targets) });
  const { token } = await caller(server, server.rootToken).mint();
  return { targets, server, token };
}

const told = (server: Server, message: string, target: TargetProcess): number =>
  server
    .stderr()
    .split('\n')
    .filter((line) => line.includes(message) && line.includes(`"target":"${target.origin}"`)).length;

test('targets that are restarted one after the other cost no request', { timeout: STARTS_MS }, async () => {
  const { targets, server, token } = await started(2);
  const running = load(server, token, '/both/x');
  await running.until('a');
  for (const [index, name] of ['a', 'b'].entries()) {
    const target = targets[index];
    if (target === undefined) throw new Error('no such target');
    await target.drain();
    await expect.poll(() => told(server, OUT, target), { timeout: 10_000 }).toBe(1);
    await targetProcess({ name, port: target.port, delayMs: 2 });
    await running.until(name);
  }
  await running.stop();
  expect(running.answers.filter((answer) => !'ab'.includes(answer))).toEqual([]);
  expect(running.answers.length).toBeGreaterThan(100);
});

test('a target that is killed costs what was sent to it, other routes nothing, and is used again when it is back', {
  timeout: STARTS_MS,
}, async () => {
  const { targets, server, token } = await started(20);
  const [a] = targets;
  const [both, other] = [load(server, token, '/both/x'), load(server, token, '/other/x')];
  await both.until('a');
  await a.kill();
  await expect.poll(() => told(server, OUT, a), { timeout: 10_000 }).toBe(1);
  const healthy = (target: TargetProcess, upstream = 'both') =>
    metric(server, `tessera_upstream_healthy{upstream="${upstream}",target="${target.origin}"}`);
  expect([await healthy(a), await healthy(targets[1]), await healthy(targets[1], 'other')]).toEqual([0, 1, 1]);

  // A reload that changes something else forgets nothing of the targets that stay.
  writeConfig(server.data, routesTo(targets, 2));
  server.signal('SIGHUP');
  await server.printed(/the configuration was reloaded/);
  expect(await healthy(a)).toBe(0);

  await targetProcess({ name: 'a', port: a.port, delayMs: 20 });
  await both.until('a');
  await Promise.all([both.stop(), other.stop()]);
  const failed = both.answers.filter((answer) => !'ab'.includes(answer));
  // One for each connection that the dead process had, and those do not all end in the same moment.
  expect(failed.length).toBeLessThanOrEqual(2 * CLIENTS);
  expect(new Set([...failed, '502'])).toEqual(new Set(['502']));
  expect(new Set(other.answers)).toEqual(new Set(['b']));
  expect([told(server, OUT, a), told(server, IN, a), told(server, OUT, targets[1])]).toEqual([1, 1, 0]);
  expect(await healthy(a)).toBe(1);
  expect(await metric(server, 'tessera_upstream_ejections_total{upstream="both"}')).toBe(1);
  expect(await metric(server, 'tessera_upstream_retries_total{upstream="both"}')).toBeGreaterThanOrEqual(1);
  expect(await metric(server, 'tessera_upstream_retries_total{upstream="other"}')).toBe(0);
});

test('the files of an upstream in TLS are read again on SIGHUP, and a wrong one changes nothing', {
  timeout: STARTS_MS,
}, async () => {
  const { certificatePem, keyPem } = authority.server(['127.0.0.1']);
  const upstream = createServer(
    { cert: certificatePem, key: keyPem, ca: authority.certificatePem, requestCert: true, rejectUnauthorized: true },
    (request, response) => response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN),
  );
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const folder = temporaryFolder();
  const show = (name: string): void => {
    const client = authority.client(name);
    for (const file of ['certificate', 'key'] as const) {
      writeFileSync(join(folder, `${file}.pem`), readFileSync(client[file]), { mode: 0o600 });
    }
  };
  show('first');
  const server = await startServer({
    config: `
routes:
  - name: secure
    match: { path: /* }
    upstream:
      targets: [{ url: "https://127.0.0.1:${(upstream.address() as AddressInfo).port}" }]
      tls: { ca: "${authority.certificate}", certificate: "${folder}/certificate.pem", key: "${folder}/key.pem" }
`,
  });
  const { token } = await caller(server, server.rootToken).mint();
  const get = async (): Promise<string> => {
    const response = await fetch(`${server.gateway}/x`, { headers: { Authorization: `Bearer ${token}` } });
    return `${response.status} ${await response.text()}`;
  };
  expect(await get()).toBe('200 first');
  show('second');
  server.signal('SIGHUP');
  await server.printed(/the configuration was reloaded/);
  expect(await get()).toBe('200 second');
  writeFileSync(join(folder, 'key.pem'), 'no key');
  server.signal('SIGHUP');
  const [line] = await server.printed(/.*the configuration was not reloaded.*/);
  expect(line).toContain('routes[0].upstream.tls.key: names a file without a private key in PEM');
  expect(await get()).toBe('200 second');
  upstream.close();
});
