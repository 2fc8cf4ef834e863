/**
 * A verdict in process against the digest and the Map alone: with an audience, a scope, an address rule and a limit; and by a
 * verifier that keeps the tokens of a server and follows its feed.
 */
import type { VerdictReport } from './processes/verdicts.ts';
import type { Followed, VerifierOrder, VerifierReport } from './processes/verifier.ts';
import type { Bench, Rig } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { verifierToken } from './rig/platform-api.ts';
import { type Row, rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { LEASED_TOKEN, PLAIN_TOKEN } from './rig/seed.ts';
import { startTessera, type Tessera } from './rig/tessera.ts';

const GOAL_RATE = 1_000_000;
const GOAL_RATIO = 0.5;
/** Bytes. */
const GOAL_MEMORY = 1024;
/** Of the time of a verdict on a token without limits. */
const GOAL_LEASED = 1.2;

export const verdict: Bench = async (rig) => {
  const child = startChild(new URL('./processes/verdicts.ts', import.meta.url), { core: 'server' });
  const reported = child.message();
  child.send({ rounds: rig.plan.rounds, seconds: rig.plan.seconds / 2 });
  const verdicts = (await reported) as VerdictReport;
  await child.stop();
  const verifier = await verifierOf(rig);
  const slower = medianRatio(verifier.leased.floor, verifier.leased.ours);
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
      {
        what: 'verdict by a verifier in process, with a limit that it counts in shares',
        ours: rate(median(verifier.leased.ours)),
        against: `${rate(median(verifier.leased.floor))} without a limit`,
        ratio: `${times(slower)} the time`,
        goal: `<= ${GOAL_LEASED}x the time`,
        met: slower <= GOAL_LEASED,
      },
    ],
    notes: [
      `verdict with a limit: of a hundred tokens; ${(100 * verifier.waited).toFixed(3)} % waited for the server, which the other verdicts' time includes asking`,
    ],
  };
};

async function verifierOf({ plan, seeded }: Rig): Promise<VerifierReport> {
  const { rounds, seconds, tokens } = plan;
  const plain = await startTessera({ folder: await seeded(tokens, PLAIN_TOKEN) });
  const leased = await startTessera({ folder: await seeded(plan.smallStore, LEASED_TOKEN) });
  const child = startChild(new URL('./processes/verifier.ts', import.meta.url), {
    core: 'load',
    nodeOptions: ['--expose-gc'],
  });
  const reported = child.message();
  child.send({
    plain: await followed(plain),
    leased: await followed(leased),
    rounds,
    seconds: seconds / 2,
    tokens,
  } satisfies VerifierOrder);
  const report = (await reported) as VerifierReport;
  await child.stop();
  await Promise.all([plain.stop(), leased.stop()]);
  return report;
}

async function followed({ port }: Tessera): Promise<Followed> {
  return { url: `http://127.0.0.1:${port}`, token: await verifierToken(port) };
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
