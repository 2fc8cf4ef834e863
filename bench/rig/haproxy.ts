/** HAProxy as a gateway of its own: SHA-256 of the credential, a map of the digests, and one rate counted in a stick table. */
import { hash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import { startProgram } from './child.ts';
import { listening } from './listening.ts';
import type { RunningProxy } from './proxies.ts';
import { tokenId, tokenText } from './tokens.ts';

export interface HaproxyOptions {
  /** An empty folder that does not exist yet. */
  readonly folder: string;
  readonly upstreamPort: string;
  /** Number of tokens in the map. */
  readonly tokens: number;
}

export async function startHaproxy({ folder, upstreamPort, tokens }: HaproxyOptions): Promise<RunningProxy> {
  mkdirSync(folder);
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  const map = join(folder, 'tokens.map');
  writeFileSync(map, Array.from({ length: tokens }, (_, index) => lineOf(index)).join(''));
  writeFileSync(file, configuration(port, upstreamPort, map));
  const program = startProgram('haproxy', { core: 'server', args: ['-f', file], log: join(folder, 'haproxy.log') });
  await listening(port, program);
  return { pid: program.pid, port, stop: program.stop };
}

function lineOf(index: number): string {
  return `${hash('sha256', `Bearer ${tokenText(index)}`).toUpperCase()} ${tokenId(index)}\n`;
}

function configuration(port: number, upstreamPort: string, map: string): string {
  return `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 65s
  timeout server 65s
  timeout http-keep-alive 65s
  http-reuse always
frontend gateway
  bind 127.0.0.1:${port}
  stick-table type string len 32 size 200k expire 2m store http_req_rate(1m)
  http-request set-var(txn.token) req.hdr(Authorization),sha2(256),hex,map_str(${map})
  http-request deny deny_status 401 unless { var(txn.token) -m found }
  http-request track-sc0 var(txn.token)
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }
  http-request set-header X-Token-Id %[var(txn.token)]
  http-request del-header Authorization
  default_backend service
backend service
  server service 127.0.0.1:${upstreamPort} pool-max-conn 1024
`;
}
