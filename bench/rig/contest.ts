/** Servers that get the same load by turns, from one caller on the other core. */
import type { ClosedOrder } from '../load/closed-loop.ts';
import type { Target } from '../load/target.ts';
import { startLoad } from './load.ts';
import { type Figures, takeTurns } from './rounds.ts';

export interface Contestant {
  readonly port: number;
  readonly pid: number;
  /** Another process that serves its requests too. */
  readonly helper?: number;
  /** What it is asked, where that is not what all are asked. */
  readonly kind?: Target['kind'];
}

export interface Rules<Name extends string> {
  readonly order: Pick<ClosedOrder, 'kind' | 'tokens' | 'connections'>;
  readonly rounds: number;
  readonly seconds: number;
  /** Requests that each contestant answers before the first round. */
  readonly warmUp: Readonly<Record<Name, number>>;
}

export interface Contest<Name extends string> {
  /** Answers a second, of each round. */
  readonly figures: Figures<Name>;
  /** Answers for each second of the server's CPU time: what remains true on a machine that does other things too. */
  readonly cpuFigures: Figures<Name>;
  /** The smallest share of its core that each used in a round; NaN where the system does not tell. */
  readonly busy: Readonly<Record<Name, number>>;
}

export async function contest<Name extends string>(
  contestants: Readonly<Record<Name, Contestant>>,
  { order, rounds, seconds, warmUp }: Rules<Name>,
): Promise<Contest<Name>> {
  const load = startLoad();
  const names = Object.keys(contestants) as Name[];
  const cpuFigures = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  const busy = Object.fromEntries(names.map((name) => [name, 1])) as Record<Name, number>;
  const run = (name: Name, length: Pick<ClosedOrder, 'seconds' | 'requests'>) => {
    const { port, pid, helper, kind = order.kind } = contestants[name];
    return load.run({ ...order, kind, port, ...length }, helper === undefined ? [pid] : [pid, helper]);
  };
  const turnOf = (name: Name) => async (): Promise<number> => {
    const { perSecond, serverBusy } = await run(name, { seconds });
    busy[name] = Math.min(busy[name], serverBusy);
    cpuFigures[name].push(perSecond / serverBusy);
    return perSecond;
  };
  for (const name of names) await run(name, { requests: warmUp[name] });
  const turns = Object.fromEntries(names.map((name) => [name, turnOf(name)])) as Record<Name, () => Promise<number>>;
  const figures = await takeTurns(rounds, turns);
  await load.stop();
  return { figures, cpuFigures, busy };
}

/** How much of its core each server used, at least: where that is all of it, neither the caller nor the machine set the pace. */
export function busyNote(busy: Readonly<Record<string, number>>): string {
  const shares = Object.entries(busy).map(([name, share]) => `${name} ${(100 * share).toFixed(0)} %`);
  return `share of its core that a server used, in the round where that was least: ${shares.join(', ')}`;
}
