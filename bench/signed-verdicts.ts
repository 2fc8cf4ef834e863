/** Signed tokens: a verdict from the signature alone, and from memory, and signing them; against node:crypto and against what others verify with. */
import type { Algorithm, Contestant, SignedReport } from './processes/signed-verdicts.ts';
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { type Row, rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';

const ALGORITHMS: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA'];
const PEERS: readonly Contestant[] = ['jose', 'jsonwebtoken', 'fast-jwt'];
/** Of the rate of the bare signature. */
const GOAL_BARE = 0.8;
const GOAL_CACHED = 1_000_000;

export const signedVerdicts: Bench = async ({ plan }) => {
  const child = startChild(new URL('./processes/signed-verdicts.ts', import.meta.url), { core: 'server' });
  const reported = child.message();
  child.send({ rounds: plan.rounds, seconds: plan.seconds / 3 });
  const report = (await reported) as SignedReport;
  await child.stop();
  const cached = medianRatio(report.cached.ours, report.cached.bare);
  return {
    rows: [
      ...ALGORITHMS.flatMap((alg) => verdictRows(alg, report)),
      {
        what: 'verdict on a signed token whose facts are in memory (ES256)',
        ours: rate(median(report.cached.ours)),
        against: `${rate(median(report.cached.bare))} SHA-256, Map`,
        ratio: times(cached),
        goal: `>= ${rate(GOAL_CACHED)}`,
        met: median(report.cached.ours) >= GOAL_CACHED,
      },
      ...ALGORITHMS.map((alg): Row => {
        const { ours, bare } = report.signing[alg];
        return {
          what: `signing a token by ${alg}`,
          ours: rate(median(ours)),
          against: `${rate(median(bare))} crypto.sign`,
          ratio: times(medianRatio(ours, bare)),
          goal: '',
          met: undefined,
        };
      }),
    ],
    notes: [
      `signed tokens: 500 different texts (${report.length} characters by ES256), none of them remembered but where it says so; ours is the whole verdict with an audience and a scope asked, bare is crypto.verify of bytes that were decoded before; all by CPU time, that of other threads included, as jose has signatures verified by them, 100 at once under way`,
    ],
  };
};

function verdictRows(alg: Algorithm, { verdicts }: SignedReport): Row[] {
  const figures = verdicts[alg];
  const ours = figures.ours ?? [];
  const what = `verdict on a signed token by its signature, ${alg}`;
  const row = (name: Contestant, called: string, goal: number): Row[] => {
    const others = figures[name];
    if (others === undefined) return [];
    const ratio = medianRatio(ours, others);
    return [
      {
        what,
        ours: rate(median(ours)),
        against: `${rate(median(others))} ${called}`,
        ratio: times(ratio),
        goal: `${goal === 1 ? '>' : '>='} ${goal}x`,
        met: goal === 1 ? ratio > 1 : ratio >= goal,
      },
    ];
  };
  return [...row('bare', 'crypto.verify', GOAL_BARE), ...PEERS.flatMap((name) => row(name, name, 1))];
}
