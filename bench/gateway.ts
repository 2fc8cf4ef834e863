/** The gateway with everything on: a credential, a scope, two rate limits, usage and the log; against proxies that check nothing. */
import type { Bench, Rig } from './rig/bench.ts';
import { busyNote, contest } from './rig/contest.ts';
import { startGateway } from './rig/gateway.ts';
import { startProxy } from './rig/proxies.ts';
import { type Outcome, rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { requireSameAnswers } from './rig/same-answers.ts';

const GOAL = 0.85;
/** Requests after which a program without tokens is compiled as far as it will be. */
const WARM_UP = 20_000;

/** As many clients as most services have; and so many that hardly two requests in a second are of the same one. */
const FEW = 1000;

export const gateway: Bench = async (rig) => {
  const few = await measure(rig, FEW);
  const many = await measure(rig, rig.plan.tokens);
  return {
    rows: [...few.rows, ...many.rows],
    notes: [...few.notes, ...many.notes, 'gateway: the log, one line a request, goes to a file; the others write none'],
  };
};

async function measure(rig: Rig, tokens: number): Promise<Outcome> {
  const { seconds, rounds } = rig.plan;
  const behind = await startGateway(rig, tokens);
  const { port } = behind.upstream;
  const others = {
    floor: await startProxy('node:http, undici', port),
    least: await startProxy('the least gateway', port, tokens),
    fastify: await startProxy('@fastify/http-proxy', port),
    'http-proxy-3': await startProxy('http-proxy-3', port),
  };
  const contestants = { ours: behind.ours, ...others };
  await requireSameAnswers(contestants, ['ours', 'least'], port);
  const { figures, cpuFigures, busy } = await contest(contestants, {
    order: { kind: 'forward', tokens, connections: 32 },
    rounds,
    seconds,
    // Every token once: the facts of all of them are in memory, as after a minute of real traffic.
    warmUp: {
      ours: Math.max(tokens, WARM_UP),
      floor: WARM_UP,
      least: WARM_UP,
      fastify: WARM_UP,
      'http-proxy-3': WARM_UP,
    },
  });
  await Promise.all([behind, ...Object.values(others)].map((server) => server.stop()));
  const row = (name: keyof typeof others, what: string, goal: string, atLeast?: number) => {
    const ratio = medianRatio(figures.ours, figures[name]);
    return {
      what: `gateway: credential, scope, two rate limits, usage, log; ${tokens.toLocaleString('en')} tokens`,
      ours: rate(median(figures.ours)),
      against: `${rate(median(figures[name]))} ${what}`,
      ratio: times(ratio),
      goal,
      met: atLeast === undefined ? undefined : ratio >= atLeast,
    };
  };
  const byCpu = Object.keys(others) as (keyof typeof others)[];
  return {
    rows: [
      row('floor', 'node:http, undici; checks nothing', `>= ${GOAL}x`, GOAL),
      row('least', 'the same with a Map of credentials and what ours sends and answers', 'none'),
      row('fastify', '@fastify/http-proxy 11.6.3; checks nothing', '>= 1x', 1),
      row('http-proxy-3', 'http-proxy-3 2.0.1; checks nothing', '>= 1x', 1),
    ],
    notes: [
      `gateway, ${tokens.toLocaleString('en')} tokens: for each second of CPU time ${byCpu.map((name) => `${times(medianRatio(cpuFigures.ours, cpuFigures[name]))} of ${name}`).join(', ')}; ${busyNote(busy)}`,
    ],
  };
}
