/** Clients by the thousand that send their bodies a byte at a time, or read nothing, are cut in their time; those beside them notice nothing. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, caller } from './support/call.ts';
import { certificates } from './support/certificates.ts';
import { type Crowd, type CrowdOptions, crowd } from './support/crowd.ts';
import { metric } from './support/metrics.ts';
import { type PatientService, patientService } from './support/patient-service.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';

const SLOW = 1000;
/** The bounds that the configuration below sets. */
const STALL_SECONDS = 3;
const BODY_SECONDS = 3;
/** Of the route whose target is used up: the rest must be seen before the first of them is cut. */
const FEW_SECONDS = 10;
/** That the target of one route may have at a time; twice as many come. */
const FEW = 50;
/** Nine of ten requests beside them take less, on a machine that does other things too: whoever waits for a cut takes longer. */
const PROMPT_MS = 1000;
const NINE_OF_TEN = 0.9;
/** Of those requests, after which the memory is looked at. */
const LOOK_EVERY = 20;
/** Cut at the bound, as soon as a loaded machine comes round to it. */
const PATIENCE_MS = 60_000;
const DRIP_MS = 500;
const MIB = 1_048_576;
/** A thousand connections and their state, and a heap that grows to the size it works at, when it has the time: less than half of what is sent. */
const MOST_GROWTH = 450 * MIB;

const authority = certificates();
const NAME = 'tessera.test';
let server: Server;
let root: Caller;
let token: string;
let service: PatientService;
let slowService: PatientService;
let tlsPort: string;

beforeAll(async () => {
  service = await patientService();
  // What it has made waits in buffers of the system between two processes; a thousand times 4 MiB would be all of those.
  slowService = await patientService({ pieceEveryMs: 300 });
  const { certificate, key } = authority.server([NAME]);
  server = await startServer({
    config: `
      logLevel: warn
      stallSeconds: ${STALL_SECONDS}
      gatewayTlsPort: 0
      tlsCertificate: ${certificate}
      tlsKey: ${key}
      routes:
        - { name: bodies, match: { path: /bodies/* }, upstream: "${service.origin}", bounds: { requestTimeout: ${BODY_SECONDS} } }
        - name: few
          match: { path: /few/* }
          upstream: { targets: [{ url: "${service.origin}", maxConcurrent: ${FEW} }] }
          bounds: { requestTimeout: ${FEW_SECONDS} }
        - { name: files, match: { path: /files/* }, upstream: "${service.origin}" }
        - { name: made, match: { path: /made/* }, upstream: "${slowService.origin}" }
    `,
  });
  root = caller(server, server.rootToken);
  ({ token } = await root.mint());
  tlsPort = (await server.printed(/gateway +https:\S+:(\d+)/))[1] ?? '';
}, STARTS_MS);

const crowds: Crowd[] = [];
const sessions: ClientHttp2Session[] = [];
afterEach(() => {
  for (const one of crowds.splice(0)) one.end();
  for (const session of sessions.splice(0)) session.destroy();
});
afterAll(async () => {
  service.close();
  slowService.close();
  authority.remove();
  await endServers();
});

describe('a body that comes a byte at a time', () => {
  test(
    `${SLOW} of them to an upstream are cut with 408, and it gets its connections back`,
    async () => {
      const { begun, beside, expectNothingLeft } = await watch(() => get('/files/small'));
      const slow = await enter({ bytes: post('/bodies/x') });
      slow.drip(DRIP_MS);
      expectUnharmed(await beside(slow));
      expect(slow.heard(408)).toBe(SLOW);
      expect([begun() >= SLOW, service.whole()]).toEqual([true, 0]);
      await expectNothingLeft();
      expect(await status(put('/bodies/x'))).toBe(200);
    },
    PATIENCE_MS,
  );

  test(
    'as many as a target may have leave the others 503 at once, and other routes to it all they need',
    async () => {
      const { beside, expectNothingLeft } = await watch(() => get('/files/small'));
      const slow = await enter({ count: 2 * FEW, bytes: post('/few/x') });
      slow.drip(DRIP_MS);
      await until(
        async () => slow.heard(503),
        (count) => count === FEW,
      );
      const refused = await put('/few/x');
      expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([503, 'upstream_busy']);
      // It did not wait for a place.
      expect(slow.heard(408)).toBe(0);
      expectUnharmed(await beside(slow));
      expect(slow.heard(408)).toBe(FEW);
      await expectNothingLeft();
      expect(await status(put('/few/x'))).toBe(200);
    },
    PATIENCE_MS,
  );

  test(
    `${SLOW} of them to the management API are cut with 408, and mint nothing`,
    async () => {
      const count = async () => (await root.do('tokens.list')).items.length;
      const tokens = await count();
      const { beside, expectNothingLeft } = await watch(() => authorized(`${server.url}/v1/tokens`, root.token));
      const slow = await enter({ origin: server.url, bytes: post('/v1/tokens', root.token) });
      slow.drip(DRIP_MS);
      expectUnharmed(await beside(slow));
      expect(slow.heard(408)).toBe(SLOW);
      await expectNothingLeft();
      expect(await count()).toBe(tokens);
    },
    PATIENCE_MS,
  );

  test(
    `${SLOW} of them from strangers are refused before they come, and cut`,
    async () => {
      const { beside, expectNothingLeft } = await watch(() => get('/files/small'));
      const slow = await enter({ bytes: post('/bodies/x', 'nobody-was-given-this') });
      slow.drip(DRIP_MS);
      expectUnharmed(await beside(slow));
      // After so many failures the address hears that it must wait.
      expect(slow.heard(401) + slow.heard(429)).toBe(SLOW);
      await expectNothingLeft();
    },
    PATIENCE_MS,
  );
});

describe('an answer that nobody reads', () => {
  /** The system takes some 8 MiB of each in its own buffers, which all processes share: hence not a thousand. */
  const READERS = 32;
  const LARGE = 32 * MIB;

  test(
    `${READERS} of ${LARGE / MIB} MiB over HTTP/1.1 are cut, and were never in memory`,
    async () => {
      const { begun, beside, expectNothingLeft } = await watch(() => get('/files/small'));
      const bytes = `GET /files/${LARGE} HTTP/1.1\r\nHost: a\r\nX-API-Key: ${token}\r\n\r\n`;
      const slow = await enter({ count: READERS, bytes, reads: false });
      await until(
        async () => begun(),
        (count) => count >= READERS,
      );
      expectUnharmed(await beside({ ...slow, gone: idleAt(service) }));
      slow.end();
      await expectNothingLeft();
      expect(await status(get('/files/1048576'))).toBe(200);
    },
    PATIENCE_MS,
  );

  const PER_SESSION = 100;

  test(
    `${SLOW} of 4 MiB over HTTP/2 are reset, and were never in memory`,
    async () => {
      const { beside, expectNothingLeft } = await watch(() => get('/files/small'));
      const streams: ClientHttp2Stream[] = [];
      const closed: Promise<unknown>[] = [];
      for (let opened = 0; opened < SLOW; opened += PER_SESSION) {
        const session = connect(`https://127.0.0.1:${tlsPort}`, { ca: authority.certificatePem, servername: NAME });
        sessions.push(session.on('error', () => {}));
        await once(session, 'connect');
        const begin = async (): Promise<void> => {
          const stream = session.request({ ':path': `/made/${4 * MIB}`, 'x-api-key': token }).on('error', () => {});
          const end = new Promise((resolve) => stream.once('close', resolve));
          const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders & IncomingHttpStatusHeader];
          if (head[':status'] === 200) {
            streams.push(stream);
            closed.push(end);
            return;
          }
          // A busy machine sends some away for a moment: such an answer is whole, and never cut.
          expect([head[':status'], head['retry-after']]).toEqual([503, expect.any(String)]);
          stream.resume();
          await end;
          await delay(1000 * Number(head['retry-after']));
          return begin();
        };
        await Promise.all(Array.from({ length: PER_SESSION }, begin));
      }
      expectUnharmed(await beside({ gone: Promise.all(closed) }));
      // Each had its answer begun, and then cut.
      expect(streams).toHaveLength(SLOW);
      expect(streams.filter(({ rstCode }) => rstCode === constants.NGHTTP2_NO_ERROR)).toEqual([]);
      for (const session of sessions) session.destroy();
      await expectNothingLeft();
      expect(await status(get('/made/1000'))).toBe(200);
    },
    PATIENCE_MS,
  );
});

interface Seen {
  /** Milliseconds in which nine of ten of his requests were answered. */
  readonly ms: number;
  /** Bytes that the server had more than before, at most. */
  readonly grown: number;
}

function expectUnharmed({ ms, grown }: Seen): void {
  expect(ms).toBeLessThan(PROMPT_MS);
  expect(grown).toBeLessThan(MOST_GROWTH);
}

/** What is there now, and what a caller who minds his own business sees until the slow ones are gone. */
async function watch(ask: () => Promise<Response>) {
  // The connections that serving anybody takes are there before.
  for (let round = 0; round < 3; round += 1) await status(ask());
  const before = await residentBytes();
  const connections = await openConnections();
  const reached = service.begun() + slowService.begun();
  return {
    /** Requests that reached the services since. */
    begun: () => service.begun() + slowService.begun() - reached,
    /** His requests, one after the other: all are answered 200. */
    async beside({ gone }: { readonly gone: Promise<unknown> }): Promise<Seen> {
      const state = { over: false };
      void gone.then(() => {
        state.over = true;
      });
      const took: number[] = [];
      const statuses = new Set<number>();
      let most = 0;
      while (!state.over) {
        if (took.length % LOOK_EVERY === 0) most = Math.max(most, await residentBytes());
        const began = performance.now();
        statuses.add(await status(ask()));
        took.push(performance.now() - began);
      }
      expect([...statuses]).toEqual([200]);
      took.sort((a, b) => a - b);
      return { ms: took[Math.floor(took.length * NINE_OF_TEN)] ?? Number.NaN, grown: most - before };
    },
    async expectNothingLeft(): Promise<void> {
      await until(
        async () => service.underWay() + slowService.underWay(),
        (count) => count === 0,
      );
      // Those of the caller beside come and go.
      await until(openConnections, (count) => count <= connections + 5);
    },
  };
}

async function enter(options: Pick<CrowdOptions, 'bytes'> & Partial<CrowdOptions>): Promise<Crowd> {
  const entered = await crowd({ origin: server.gateway, count: SLOW, ...options });
  crowds.push(entered);
  return entered;
}

function post(path: string, key = token): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`;
}

function authorized(url: string, bearer: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, headers: { Authorization: `Bearer ${bearer}` } });
}

function get(path: string): Promise<Response> {
  return authorized(server.gateway + path, token);
}

function put(path: string): Promise<Response> {
  return authorized(server.gateway + path, token, { method: 'PUT', body: 'short' });
}

async function status(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.arrayBuffer();
  return response.status;
}

/** Resolves when nothing of that service is under way any more. */
async function idleAt({ underWay }: PatientService): Promise<void> {
  await until(
    async () => underWay(),
    (count) => count === 0,
    PATIENCE_MS,
  );
}

function residentBytes(): Promise<number> {
  return metric(server, 'process_resident_memory_bytes');
}

/** Of the server process, to clients and upstreams alike. */
function openConnections(): Promise<number> {
  return metric(server, 'nodejs_active_resources{type="TCPSocketWrap"}');
}
