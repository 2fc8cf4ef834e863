/** What the gateway adds to the time of a request, at rates that it can bear: an open loop, over many kept connections. */
import type { OpenReport } from './load/open-loop.ts';
import type { Bench } from './rig/bench.ts';
import { startGateway } from './rig/gateway.ts';
import { type Load, startLoad } from './rig/load.ts';
import { startProxy } from './rig/proxies.ts';
import { microseconds, type Outcome, rate, times } from './rig/report.ts';
import { median, takeTurns } from './rig/rounds.ts';
import { requireSameAnswers } from './rig/same-answers.ts';

const LOW_RATE = 1000;
/** The other rate, as a share of what ours was just seen to do at most. */
const SHARE_OF_CAPACITY = 0.6;
const CONNECTIONS = 256;
/** Far longer than anything here takes: whoever does not answer by then has lost the request. */
const PATIENCE_MILLISECONDS = 10_000;
const WARM_UP = 20_000;

const NAMES = ['ours', 'floor', 'upstream'] as const;
type Name = (typeof NAMES)[number];
type Reports = Readonly<Record<Name, readonly OpenReport[]>>;

export const gatewayLatency: Bench = async (rig) => {
  const { tokens, seconds, rounds } = rig.plan;
  const gateway = await startGateway(rig, tokens);
  const { upstream } = gateway;
  const floor = await startProxy('node:http, undici', upstream.port);
  await requireSameAnswers({ ours: gateway.ours, floor }, ['ours'], upstream.port);
  const ports = { ours: gateway.ours.port, floor: floor.port, upstream: Number(upstream.port) };
  const load = startLoad();
  const order = { kind: 'forward', tokens } as const;
  for (const [name, requests] of [['ours', tokens] as const, ['floor', WARM_UP] as const]) {
    await load.run({ ...order, port: ports[name], connections: 32, requests }, []);
  }
  const { perSecond: capacity } = await load.run({ ...order, port: ports.ours, connections: 32, seconds }, []);
  const outcomes: Outcome[] = [];
  for (const perSecond of [LOW_RATE, Math.round(SHARE_OF_CAPACITY * capacity)]) {
    const reports = await measure(load, ports, {
      rounds,
      order: { ...order, connections: CONNECTIONS, seconds, rate: perSecond },
    });
    outcomes.push(describe(reports, perSecond));
  }
  await Promise.all([gateway.stop(), floor.stop(), load.stop()]);
  return {
    rows: outcomes.flatMap(({ rows }) => rows),
    notes: [
      ...outcomes.flatMap(({ notes }) => notes),
      `gateway latency: open loop over ${CONNECTIONS} kept connections, from the moment at which a request was to be sent; added is what there is beyond the upstream asked directly, round by round; the higher rate is ${100 * SHARE_OF_CAPACITY} % of ${rate(capacity)}, which ours did at most`,
    ],
  };
};

interface Measurement {
  readonly rounds: number;
  readonly order: Omit<Parameters<Load['offer']>[0], 'port' | 'patienceMilliseconds'>;
}

async function measure(
  load: Load,
  ports: Readonly<Record<Name, number>>,
  { rounds, order }: Measurement,
): Promise<Reports> {
  const reports: Record<Name, OpenReport[]> = { ours: [], floor: [], upstream: [] };
  const turn = (name: Name) => async (): Promise<number> => {
    const report = await load.offer({ ...order, port: ports[name], patienceMilliseconds: PATIENCE_MILLISECONDS });
    // A request that was refused took hardly any time: figures with some of them would flatter.
    if (Object.keys(report.refused).length > 0) {
      throw new Error(`${name} refused requests: ${JSON.stringify(report.refused)}`);
    }
    reports[name].push(report);
    return report.p50;
  };
  await takeTurns(rounds, { ours: turn('ours'), floor: turn('floor'), upstream: turn('upstream') });
  return reports;
}

function describe(reports: Reports, perSecond: number): Outcome {
  const whole = (name: Name, at: 'p50' | 'p99'): number => median(reports[name].map((report) => report[at]));
  const added = (name: Name, at: 'p50' | 'p99'): number =>
    median(reports[name].map((report, round) => report[at] - (reports.upstream[round]?.[at] ?? Number.NaN)));
  const row = (at: 'p50' | 'p99') => ({
    what: `latency that the gateway adds at ${rate(perSecond)}, ${at}`,
    ours: microseconds(added('ours', at)),
    against: `${microseconds(added('floor', at))} node:http, undici; checks nothing`,
    ratio: times(added('ours', at) / added('floor', at)),
    goal: 'none',
    met: undefined,
  });
  const wholes = NAMES.map(
    (name) => `${name} ${microseconds(whole(name, 'p50'))} (${microseconds(whole(name, 'p99'))})`,
  );
  const late = median(reports.ours.map(({ callerLateP99 }) => callerLateP99));
  return {
    rows: [row('p50'), row('p99')],
    notes: [
      `gateway latency at ${rate(perSecond)}, p50 (p99): ${wholes.join(', ')}; the caller itself was late by up to ${microseconds(late)} (p99), which is in all of them`,
    ],
  };
}
