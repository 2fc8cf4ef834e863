/** The proxies of Node that ours is measured against: one process each, on the core of the servers. */
import { startChild } from './child.ts';
import type { Contestant } from './contest.ts';

const PROGRAMS = {
  'node:http, undici': new URL('../processes/floor-proxy.ts', import.meta.url),
  'the least gateway': new URL('../processes/least-gateway.ts', import.meta.url),
  '@fastify/http-proxy': new URL('../processes/fastify-proxy.ts', import.meta.url),
  'http-proxy-3': new URL('../processes/http-proxy-3.ts', import.meta.url),
};

export interface RunningProxy extends Contestant {
  stop(): Promise<void>;
}

/** @param tokens those that are known, where the program checks any */
export async function startProxy(name: keyof typeof PROGRAMS, upstreamPort: string, tokens = 0): Promise<RunningProxy> {
  const child = startChild(PROGRAMS[name], { core: 'server', args: [upstreamPort, String(tokens)] });
  return { pid: child.pid, port: Number(await child.printed(/port ([0-9]+)/)), stop: child.stop };
}
