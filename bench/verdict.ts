/**
 * A verdict in process against the digest and the Map alone: with an audience, a scope, an address rule and a limit; and by a
 * verifier that keeps the tokens of a server and follows its feed.
 */
import type { VerdictReport } from './processes/verdicts.ts';
import type { VerifierReport } from './processes/verifier.ts';
import type { Bench, Rig } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { type Row, rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { PLAIN_TOKEN } from './rig/seed.ts';
import { ROOT_TOKEN, startTessera } from './rig/tessera.ts';

const GOAL_RATE = 1_000_000;
const GOAL_RATIO = 0.5;
/** Bytes. */
const GOAL_MEMORY = 1024;

export const verdict: Bench = async (rig) => {
  const child = startChild(new URL('./processes/verdicts.ts', import.meta.url), { core: 'server' });
  const reported = child.message();
  child.send({ rounds: rig.plan.rounds, seconds: rig.plan.seconds / 2 });
  const verdicts = (await reported) as VerdictReport;
  await child.stop();
  const verifier = await verifierOf(rig);
  return {
    rows: [
      ...rowsOf('verdict in process: a scope, an address rule, a limit', verdicts),
      ...rowsOf('verdict by a verifier in process: an audience, a scope, feed on', verifier.few),
      ...rowsOf(`the same among ${rig.plan.tokens.toLocaleString('en')} tokens`, verifier.all).slice(1),
      {
        what: 'memory of a verifier for each token that it keeps',
        ours: `${Math.round(verifier.bytesOfToken)} bytes`,
        against: '',
        ratio: '',
        goal: `<= ${GOAL_MEMORY.toLocaleString('en')} bytes`,
        met: verifier.bytesOfToken <= GOAL_MEMORY,
      },
    ],
    notes: [],
  };
};

async function verifierOf({ plan, seeded }: Rig): Promise<VerifierReport> {
  const tessera = await startTessera({ folder: await seeded(plan.tokens, PLAIN_TOKEN) });
  const url = `http://127.0.0.1:${tessera.port}`;
  const minted = await fetch(`${url}/v1/tokens`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${ROOT_TOKEN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ api: 'tessera', name: 'verifier', scopes: ['verify'] }),
  });
  const { token } = (await minted.json()) as { readonly token: string };
  const child = startChild(new URL('./processes/verifier.ts', import.meta.url), {
    core: 'load',
    nodeOptions: ['--expose-gc'],
  });
  const reported = child.message();
  child.send({ url, token, rounds: plan.rounds, seconds: plan.seconds / 2, tokens: plan.tokens });
  const report = (await reported) as VerifierReport;
  await child.stop();
  await tessera.stop();
  return report;
}

function rowsOf(what: string, { ours, floor }: VerdictReport): Row[] {
  const ratio = medianRatio(ours, floor);
  const row = {
    what,
    ours: rate(median(ours)),
    against: `${rate(median(floor))} SHA-256, Map`,
    ratio: times(ratio),
  };
  return [
    { ...row, goal: `>= ${rate(GOAL_RATE)}`, met: median(ours) >= GOAL_RATE },
    { ...row, goal: `>= ${GOAL_RATIO}x`, met: ratio >= GOAL_RATIO },
  ];
}
