/** Several server processes on one PostgreSQL, each with a line of its own to it, and verifiers that follow them. */

import { metric } from '../support/metrics.ts';
import { patientService } from '../support/patient-service.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { newRootToken, type Server, startServer, temporaryFolder } from '../support/server.ts';
import { until } from '../support/until.ts';
import { type HeldLine, heldLine } from './held-line.ts';
import { startVerifier, type Verifier } from './verifier.ts';

export interface Node {
  readonly name: string;
  /** The process of now; `restart` begins another one. */
  server(): Server;
  /** To the database. */
  readonly line: HeldLine;
  /** To Redis, where there is one. */
  readonly redisLine: HeldLine | undefined;
  /** Begins a process after the one before has ended, on other ports. */
  restart(): Promise<void>;
}

export interface Platform {
  readonly nodes: readonly Node[];
  /** One for each node. */
  readonly verifiers: readonly Verifier[];
  readonly postgres: TestPostgres;
  /** Counts limits for all nodes, where asked for. */
  readonly redis: TestRedis | undefined;
  /** All but the nodes, which `endServers` ends before. */
  close(): Promise<void>;
}

export interface PlatformOptions {
  readonly nodes: number;
  readonly redis?: boolean;
  /** Environment of the node with this index beside the common one. */
  readonly env?: (index: number) => Readonly<Record<string, string>>;
  /** As `env`, of the verifiers. */
  readonly verifierEnv?: (index: number) => Readonly<Record<string, string>>;
}

const MASTER_KEY = '5a'.repeat(32);

/** Within which a node knows how many they are. */
const ACQUAINTED_MS = 20_000;

/** Bounds and all are as they are by default, save the one that would keep one stranger from asking so often. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { nodes: count, env = () => ({}), verifierEnv = () => ({}) } = options;
  const postgres = await startPostgres();
  const redis = options.redis === true ? await startRedis() : undefined;
  const url = await postgres.createDatabase();
  const upstream = await patientService();
  const rootToken = newRootToken();
  const startNode = async (index: number): Promise<Node> => {
    const { line, url: through } = await lineTo(url);
    const toRedis = redis && (await lineTo(redis.url));
    const start = (): Promise<Server> =>
      startServer({
        rootToken,
        data: temporaryFolder(),
        config: `routes: [{ name: all, match: { path: /* }, upstream: "${upstream.origin}" }]\n`,
        env: {
          TESSERA_DATABASE_URL: through,
          ...(toRedis && { TESSERA_REDIS_URL: toRedis.url }),
          TESSERA_MASTER_KEY: MASTER_KEY,
          TESSERA_FAILED_CREDENTIALS_PER_MINUTE: '1000000',
          ...env(index),
        },
      });
    let server = await start();
    return {
      name: `node ${index + 1}`,
      server: () => server,
      line,
      redisLine: toRedis?.line,
      async restart() {
        // As whoever supervises it does, where a busy machine takes too long the first time.
        server = await start().catch(start);
      },
    };
  };
  const nodes = await Promise.all(Array.from({ length: count }, (_, index) => startNode(index)));
  // A node that believes to be alone takes what is left to all of them for itself.
  const acquainted = (node: Node) =>
    until(
      () => metric(node.server(), 'tessera_nodes'),
      (known) => known === count,
      ACQUAINTED_MS,
    );
  await Promise.all(nodes.map(acquainted));
  const verifiers = await Promise.all(
    nodes.map((node, index) => startVerifier(`verifier ${index + 1}`, node, verifierEnv(index))),
  );
  return {
    nodes,
    verifiers,
    postgres,
    redis,
    async close() {
      upstream.close();
      await Promise.all(verifiers.map((verifier) => verifier.close()));
      const lines = nodes.flatMap(({ line, redisLine }) => (redisLine === undefined ? [line] : [line, redisLine]));
      await Promise.all(lines.map((line) => line.close()));
      await redis?.close();
      await postgres.close();
    },
  };
}

async function lineTo(url: string): Promise<{ readonly line: HeldLine; readonly url: string }> {
  const through = new URL(url);
  const port = Number(through.port);
  const line = await heldLine(() => port);
  through.hostname = '127.0.0.1';
  through.port = String(line.port);
  return { line, url: through.href };
}
