/** What is left of the gateway's best when three times as much is asked of it: right answers in time, and a loop that turns. */
import type { Bench } from './rig/bench.ts';
import { startGateway } from './rig/gateway.ts';
import { startLoad } from './rig/load.ts';
import { rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import type { Tessera } from './rig/tessera.ts';

const TIMES_CAPACITY = 3;
const GOAL_SHARE = 0.8;
const GOAL_LAG_MILLISECONDS = 50;
const CONNECTIONS = 1000;
/** Callers that have waited so long have gone: an answer after that is work for nobody. */
const PATIENCE_MILLISECONDS = 1000;
/** A caller whose own connections are all taken says so to whoever called it, and keeps no queue. */
const SEND_WITHIN_MILLISECONDS = 50;

export const overload: Bench = async (rig) => {
  const { smallStore: tokens, rounds, seconds } = rig.plan;
  const gateway = await startGateway(rig, tokens);
  const { ours, tessera } = gateway;
  const load = startLoad();
  const order = { port: ours.port, kind: 'forward', tokens } as const;
  await load.run({ ...order, connections: 32, requests: 2 * tokens }, []);
  const peaks: number[] = [];
  const goods: number[] = [];
  const lags = { peak: [] as number[], overload: [] as number[] };
  const refused: Record<string, number> = {};
  let offered = 0;
  let lateness = 0;
  for (let round = 0; round < rounds; round += 1) {
    await lagMilliseconds(tessera);
    const { perSecond: peak } = await load.run({ ...order, connections: 32, seconds }, []);
    lags.peak.push(await lagMilliseconds(tessera));
    const report = await load.offer({
      ...order,
      connections: CONNECTIONS,
      rate: TIMES_CAPACITY * peak,
      seconds,
      patienceMilliseconds: PATIENCE_MILLISECONDS,
      sendWithinMilliseconds: SEND_WITHIN_MILLISECONDS,
    });
    lags.overload.push(await lagMilliseconds(tessera));
    peaks.push(peak);
    goods.push(report.goodPerSecond);
    offered += report.offered;
    lateness = Math.max(lateness, report.callerLateP99);
    for (const [status, count] of Object.entries(report.refused)) refused[status] = (refused[status] ?? 0) + count;
  }
  await Promise.all([gateway.stop(), load.stop()]);
  const share = medianRatio(goods, peaks);
  const lagRow = (when: string, milliseconds: readonly number[]) => ({
    what: `event-loop lag of the gateway ${when}, p99`,
    ours: `${median(milliseconds).toFixed(1)} ms`,
    against: '',
    ratio: '',
    goal: `<= ${GOAL_LAG_MILLISECONDS} ms`,
    met: median(milliseconds) <= GOAL_LAG_MILLISECONDS,
  });
  const answers = Object.entries(refused).map(([status, count]) => `${status}: ${percent(count / offered)}`);
  return {
    rows: [
      {
        what: `gateway, ${TIMES_CAPACITY} times its capacity offered: right answers within ${PATIENCE_MILLISECONDS} ms`,
        ours: rate(median(goods)),
        against: `${rate(median(peaks))} ours at its peak`,
        ratio: times(share),
        goal: `>= ${GOAL_SHARE}x`,
        met: share >= GOAL_SHARE,
      },
      lagRow('at its peak', lags.peak),
      lagRow(`at ${TIMES_CAPACITY} times its capacity`, lags.overload),
    ],
    notes: [
      `overload: open loop over ${CONNECTIONS} connections; of what was offered, answered otherwise: ${answers.join(', ') || 'nothing'}; the rest came too late or was never sent, as no connection was free for ${SEND_WITHIN_MILLISECONDS} ms; the caller itself was late by up to ${lateness.toFixed(1)} ms (p99)`,
      'event-loop lag: as `/metrics` tells it, which looks every 10 ms, so that an idle loop is at about 10 ms',
    ],
  };
};

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Since the metrics were read before, which this does too. */
async function lagMilliseconds({ port }: Tessera): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const found = /^nodejs_eventloop_lag_p99_seconds(?:\{[^}]*\})? ([0-9.e+-]+)$/m.exec(page);
  if (found === null) throw new Error('the metrics do not tell of the event loop');
  return 1000 * Number(found[1]);
}
