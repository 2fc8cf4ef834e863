/** The connections to one origin under one set of terms, shared by every route that names both, and the checks of its health. */
import { type Client, Pool } from 'undici';
import type { CompiledUpstream, HealthCheck } from '../../core/compiled-upstream.ts';
import { type Checking, startChecking } from './health.ts';

/** What decides over a connection: where two upstreams agree in all of it, they share theirs. */
export type Terms = Pick<CompiledUpstream, 'connectTimeoutMs' | 'tls' | 'health'>;

export interface EndpointOptions {
  /** Header section of an answer. */
  readonly maxHeaderBytes: number;
  /** The checks found it unhealthy, or healthy again. Must not throw. */
  readonly onHealth: (endpoint: Endpoint, reason: string) => void;
}

export class Endpoint {
  readonly url: string;
  readonly pool: Pool;
  readonly intervalMs: number;
  readonly #checking: Checking | undefined;
  #healthy = true;

  constructor(url: string, terms: Terms, options: EndpointOptions) {
    const connections = connectionOptions(terms, options.maxHeaderBytes);
    this.url = url;
    this.intervalMs = terms.health?.intervalMs ?? 0;
    // As many connections as there are requests: each target bounds those, and no route waits for another one's.
    this.pool = new Pool(url, connections);
    this.#checking = terms.health && this.#check(terms.health, connections, options);
  }

  /** What the checks found last; a new one counts as healthy until they have. */
  get healthy(): boolean {
    return this.#healthy;
  }

  /** Ends when every running request has. */
  async close(): Promise<void> {
    this.#checking?.stop();
    await this.pool.close();
  }

  #check(check: HealthCheck, connections: Client.Options, { onHealth }: EndpointOptions): Checking {
    return startChecking(this.url, check, {
      connections,
      onChange: (healthy, reason) => {
        this.#healthy = healthy;
        onHealth(this, reason);
      },
    });
  }
}

function connectionOptions({ connectTimeoutMs, tls }: Terms, maxHeaderSize: number): Client.Options {
  const { serverName, verify = true, material = {} } = tls ?? {};
  return {
    // One request at a time on a connection: an upstream that misframes one answer cannot shift the next.
    pipelining: 1,
    allowH2: false,
    maxHeaderSize,
    strictContentLength: true,
    connect: {
      timeout: connectTimeoutMs,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: verify,
      ...(serverName !== undefined && { servername: serverName }),
      ...(material.ca !== undefined && { ca: material.ca }),
      ...(material.certificate !== undefined && { cert: material.certificate }),
      ...(material.key !== undefined && { key: material.key.export({ type: 'pkcs8', format: 'pem' }) }),
    },
  };
}
