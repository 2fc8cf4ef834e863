/** Runs the benches that are named, or all, and prints one table. `--quick`: a short run. `--write`: into docs/benchmarks.md. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { betterAuth } from './better-auth.ts';
import { coldLookup } from './cold-lookup.ts';
import { followers } from './followers.ts';
import { forwardAuth } from './forward-auth.ts';
import { gateway } from './gateway.ts';
import { gatewayLatency } from './gateway-latency.ts';
import { gatewayNative } from './gateway-native.ts';
import { idleConnections } from './idle-connections.ts';
import { idleVerifiers } from './idle-verifiers.ts';
import { introspection } from './introspection.ts';
import { memory } from './memory.ts';
import { mint } from './mint.ts';
import { nodes } from './nodes.ts';
import { notices } from './notices.ts';
import { overload } from './overload.ts';
import { postgres } from './postgres.ts';
import { postgresLookup } from './postgres-lookup.ts';
import { redisLimit } from './redis-limit.ts';
import { revocation } from './revocation.ts';
import { type Bench, planOf, rigIn } from './rig/bench.ts';
import { type Outcome, report, writeInto } from './rig/report.ts';
import { routes } from './routes.ts';
import { signedVerdicts } from './signed-verdicts.ts';
import { size } from './size.ts';
import { start } from './start.ts';
import { verdict } from './verdict.ts';
import { verifyHttp } from './verify-http.ts';

const benches: Readonly<Record<string, Bench>> = {
  'verify-http': verifyHttp,
  'better-auth': betterAuth,
  introspection,
  verdict,
  'signed-verdicts': signedVerdicts,
  'cold-lookup': coldLookup,
  mint,
  postgres,
  'postgres-lookup': postgresLookup,
  'redis-limit': redisLimit,
  nodes,
  memory,
  notices,
  start,
  gateway,
  'gateway-native': gatewayNative,
  'gateway-latency': gatewayLatency,
  'forward-auth': forwardAuth,
  routes,
  'idle-connections': idleConnections,
  overload,
  revocation,
  followers,
  'idle-verifiers': idleVerifiers,
  size,
};

const PAGE = new URL('../docs/benchmarks.md', import.meta.url);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
});
const names = positionals.length === 0 ? Object.keys(benches) : positionals;
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  console.error(`no such bench: ${unknown}; there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}

const root = mkdtempSync(join(tmpdir(), 'tessera-bench-'));
process.once('exit', () => rmSync(root, { recursive: true, force: true }));
const rig = rigIn(root, planOf(values.quick));
const outcomes: Outcome[] = [];
for (const name of names) {
  const began = performance.now();
  const outcome = await benches[name]?.(rig);
  if (outcome !== undefined) outcomes.push(outcome);
  console.error(`${name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
}
const text = report(outcomes, new Date(), values.quick);
console.log(text);
if (values.write) writeInto(PAGE, text);
