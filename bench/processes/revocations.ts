/** Revokes one token after the other, and asks everybody who has it in memory until the last one refuses. */
import { setTimeout as delay } from 'node:timers/promises';
import { circumstances, createVerifier, type RemoteVerifier } from '@tessera/verify';
import { askPlatform, verifierToken } from '../rig/platform-api.ts';

export interface RevocationOrder {
  readonly ports: readonly number[];
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
  verifiers: count,
  revocations,
  everyMilliseconds,
}: RevocationOrder): Promise<RevocationReport> {
  const portOf = (index: number): number => ports[index % ports.length] ?? 0;
  const token = await verifierToken(portOf(0));
  const verifiers = Array.from({ length: count }, (_, index) =>
    createVerifier({ url: `http://127.0.0.1:${portOf(index)}`, token, audience: 'default' }),
  );
  await Promise.all(verifiers.map((verifier) => verifier.ready()));
  const report = { nodes: [] as number[], verifiers: [] as number[] };
  for (let round = 0; round < revocations; round += 1) {
    const port = portOf(round);
    const minted = await askPlatform({ port, path: '/v1/tokens', body: { name: 'bench', scopes: [] } });
    const secret = String(minted.token);
    const asNodes = ports.map((node) => async () => {
      const { valid } = await askPlatform({ port: node, path: '/v1/verify', body: { token: secret } });
      return valid === true;
    });
    const asVerifiers = verifiers.map((verifier) => () => allows(verifier, secret));
    const all = await Promise.all([...asNodes, ...asVerifiers].map((ask) => ask()));
    if (all.includes(false)) throw new Error('a token that lives was refused');
    await askPlatform({ port, path: `/v1/tokens/${String(minted.id)}/revoke`, body: {} });
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
