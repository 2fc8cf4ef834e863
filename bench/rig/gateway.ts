/** Our gateway in front of the service, with many tokens, whose limits are those of the route. */
import type { Rig } from './bench.ts';
import type { Contestant } from './contest.ts';
import { PLAIN_TOKEN } from './seed.ts';
import { startTessera, type Tessera } from './tessera.ts';
import { startUpstream, type Upstream } from './upstream.ts';

export interface Gateway {
  readonly tessera: Tessera;
  readonly upstream: Upstream;
  /** The gateway listener of it. */
  readonly ours: Contestant;
  stop(): Promise<void>;
}

export async function startGateway(rig: Rig, tokens: number): Promise<Gateway> {
  const folder = await rig.seeded(tokens, PLAIN_TOKEN);
  const upstream = await startUpstream();
  const tessera = await startTessera({ folder, env: { TESSERA_CONFIG: upstream.configIn(folder) } });
  return {
    tessera,
    upstream,
    ours: { pid: tessera.pid, port: tessera.gatewayPort },
    async stop() {
      await tessera.stop();
      await upstream.stop();
    },
  };
}
