/** Minting, durable when it is answered: alone and with many callers, in process and over HTTP, against one synced commit after the other. */
import { mkdirSync } from 'node:fs';
import type { MintOrder, MintReport } from './processes/mints.ts';
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { startLoad } from './rig/load.ts';
import { type Row, rate, times } from './rig/report.ts';
import { median, medianRatio, takeTurns } from './rig/rounds.ts';
import { startTessera } from './rig/tessera.ts';

const CALLERS = 32;
const GOAL_ALONE = 0.8;
const GOAL_TOGETHER = 5;

export const mint: Bench = async ({ plan, newFolder }) => {
  const { rounds, seconds } = plan;
  const folder = newFolder();
  mkdirSync(folder);
  const tessera = await startTessera({ folder });
  const inProcess = startChild(new URL('./processes/mints.ts', import.meta.url), { core: 'server', args: [folder] });
  await inProcess.message();
  const load = startLoad();
  const mints = async (callers: MintOrder['callers']): Promise<number> => {
    const reported = inProcess.message();
    inProcess.send({ callers, seconds });
    return ((await reported) as MintReport).perSecond;
  };
  const overHttp = async (connections: number): Promise<number> => {
    const order = { port: tessera.port, kind: 'mint', tokens: 1, connections, seconds } as const;
    return (await load.run(order, [tessera.pid])).perSecond;
  };
  const turns = {
    floor: () => mints('floor'),
    alone: () => mints(1),
    together: () => mints(CALLERS),
    aloneOverHttp: () => overHttp(1),
    togetherOverHttp: () => overHttp(CALLERS),
  };
  await takeTurns(1, turns);
  const figures = await takeTurns(rounds, turns);
  await Promise.all([tessera.stop(), inProcess.stop(), load.stop()]);
  const row = (what: string, name: keyof typeof turns, goal: number): Row => {
    const ratio = medianRatio(figures[name], figures.floor);
    return {
      what,
      ours: rate(median(figures[name])),
      against: `${rate(median(figures.floor))} SQLite commits of as many bytes, each synced`,
      ratio: times(ratio),
      goal: `>= ${goal}x`,
      met: ratio >= goal,
    };
  };
  return {
    rows: [
      row('mint, durable, one caller, in process', 'alone', GOAL_ALONE),
      row('mint, durable, one caller, over HTTP', 'aloneOverHttp', GOAL_ALONE),
      row(`mint, durable, ${CALLERS} callers, in process`, 'together', GOAL_TOGETHER),
      row(`mint, durable, ${CALLERS} callers, over HTTP`, 'togetherOverHttp', GOAL_TOGETHER),
    ],
    notes: ['mint: each leaves a token, a secret, an audit record, the head of its chain and a change, in one commit'],
  };
};
