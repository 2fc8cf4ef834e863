/** Revokes one token after the other, and asks everybody who has it in memory until the last one refuses. */
import { setTimeout as delay } from 'node:timers/promises';
import { circumstances, createVerifier, type RemoteVerifier } from '@tessera/verify';

export interface RevocationOrder {
  readonly ports: readonly number[];
  readonly rootToken: string;
  /** Spread over the nodes. */
  readonly verifiers: number;
  readonly revocations: number;
  /** Between two questions to the same judge: whoever is asked without a pause has no time left to hear of anything. */
  readonly everyMilliseconds: number;
}

/** For each revocation, milliseconds from its acknowledgement to the first refusal of whoever refused last. */
export interface RevocationReport {
  readonly nodes: readonly number[];
  readonly verifiers: readonly number[];
}

/** Whoever allows for longer than the promise is broken, not slow. */
const PATIENCE_MILLISECONDS = 10_000;

process.once('message', (order: RevocationOrder) => {
  measure(order).then(
    (report) => process.send?.(report, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function measure({
  ports,
  rootToken,
  verifiers: count,
  revocations,
  everyMilliseconds,
}: RevocationOrder): Promise<RevocationReport> {
  const nodes = ports.map((port) => nodeAt(port, rootToken));
  const token = (await nodeOf(nodes, 0).post('/v1/tokens', { api: 'tessera', name: 'verifiers', scopes: ['verify'] }))
    .token as string;
  const verifiers = Array.from({ length: count }, (_, index) =>
    createVerifier({ url: nodeOf(nodes, index).url, token, audience: 'default' }),
  );
  await Promise.all(verifiers.map((verifier) => verifier.ready()));
  const report = { nodes: [] as number[], verifiers: [] as number[] };
  for (let round = 0; round < revocations; round += 1) {
    const { id, token: secret } = (await nodeOf(nodes, round).post('/v1/tokens', { name: 'bench', scopes: [] })) as {
      id: string;
      token: string;
    };
    const asNodes = nodes.map((node) => async () => (await node.post('/v1/verify', { token: secret })).valid === true);
    const asVerifiers = verifiers.map((verifier) => () => allows(verifier, secret));
    const all = await Promise.all([...asNodes, ...asVerifiers].map((ask) => ask()));
    if (all.includes(false)) throw new Error('a token that lives was refused');
    await nodeOf(nodes, round).post(`/v1/tokens/${id}/revoke`, {});
    const acknowledged = performance.now();
    const refusals = (asks: readonly (() => Promise<boolean>)[]): Promise<number[]> =>
      Promise.all(asks.map((ask) => untilRefused(ask, { since: acknowledged, everyMilliseconds })));
    const [atNodes, atVerifiers] = await Promise.all([refusals(asNodes), refusals(asVerifiers)]);
    report.nodes.push(Math.max(...atNodes));
    report.verifiers.push(Math.max(...atVerifiers));
  }
  await Promise.all(verifiers.map((verifier) => verifier.close()));
  return report;
}

async function untilRefused(
  ask: () => Promise<boolean>,
  { since, everyMilliseconds }: { readonly since: number; readonly everyMilliseconds: number },
): Promise<number> {
  for (;;) {
    const isAllowed = await ask();
    const milliseconds = performance.now() - since;
    if (!isAllowed) return milliseconds;
    if (milliseconds > PATIENCE_MILLISECONDS) throw new Error(`still allowed after ${milliseconds.toFixed(0)} ms`);
    await delay(everyMilliseconds);
  }
}

async function allows(verifier: RemoteVerifier, secret: string): Promise<boolean> {
  const presented = { authorization: [`Bearer ${secret}`], apiKey: [], query: '' };
  return (await verifier.verify(presented, { circumstances: circumstances({}) })).valid;
}

interface Node {
  readonly url: string;
  post(path: string, body: object): Promise<Record<string, unknown>>;
}

function nodeAt(port: number, rootToken: string): Node {
  const url = `http://127.0.0.1:${port}`;
  const headers = { Authorization: `Bearer ${rootToken}`, 'Content-Type': 'application/json' };
  return {
    url,
    async post(path, body) {
      const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as Record<string, unknown>;
    },
  };
}

function nodeOf(nodes: readonly Node[], index: number): Node {
  const node = nodes[index % nodes.length];
  if (node === undefined) throw new Error('no nodes');
  return node;
}
