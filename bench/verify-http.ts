/** `POST /v1/verify`, every token with a limit, a scope and an audience asked, against the least that could answer it. */
import type { Bench } from './rig/bench.ts';
import { startChild } from './rig/child.ts';
import { busyNote, contest } from './rig/contest.ts';
import { rate, times } from './rig/report.ts';
import { median, medianRatio } from './rig/rounds.ts';
import { ROOT_TOKEN, startTessera } from './rig/tessera.ts';
import { tokenText } from './rig/tokens.ts';

const GOAL = 0.85;
/** What differs from one answer to the next, or from one token to the next, by itself. */
const CHANGING = /"(remaining|resetSeconds)":[0-9]+|"expiresAt":"[^"]+"/g;
const CHANGING_FIELDS = ['x-request-id', 'date', 'keep-alive', 'content-length'];

export const verifyHttp: Bench = async ({ plan, seeded }) => {
  const { tokens, seconds, rounds } = plan;
  const tessera = await startTessera({ folder: await seeded(tokens) });
  const floor = startChild(new URL('./processes/floor-verify.ts', import.meta.url), {
    core: 'server',
    args: [(await answerTo(0, tessera.port)).body, String(tokens)],
  });
  const floorPort = Number(await floor.printed(/port ([0-9]+)/));
  await requireSameAnswers(tessera.port, floorPort, tokens - 1);
  const { figures, cpuFigures, busy } = await contest(
    { ours: tessera, floor: { port: floorPort, pid: floor.pid } },
    // Every token once beforehand: the facts of all of them are in memory, as after a minute of real traffic.
    { order: { kind: 'verify', tokens, connections: 32 }, rounds, seconds, warmUp: { ours: tokens, floor: tokens } },
  );
  await Promise.all([tessera.stop(), floor.stop()]);
  const ratio = medianRatio(figures.ours, figures.floor);
  return {
    rows: [
      {
        what: `verify over HTTP, ${tokens.toLocaleString('en')} tokens, each with a limit`,
        ours: rate(median(figures.ours)),
        against: `${rate(median(figures.floor))} bare node:http, JSON, SHA-256, Map; same bytes`,
        ratio: times(ratio),
        goal: `>= ${GOAL}x`,
        met: ratio >= GOAL,
      },
    ],
    notes: [
      `verify over HTTP: ${times(medianRatio(cpuFigures.ours, cpuFigures.floor))} of the floor for each second of CPU time; ${busyNote(busy)}`,
    ],
  };
};

interface Answer {
  readonly body: string;
  readonly fields: string;
}

async function answerTo(index: number, port: number): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/verify`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${ROOT_TOKEN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ token: tokenText(index), audience: 'default', scopes: ['orders:read'] }),
  });
  const fields = [...response.headers].map(
    ([name, value]) => `${name}: ${CHANGING_FIELDS.includes(name) ? '*' : value}`,
  );
  return { body: await response.text(), fields: fields.join('\n') };
}

/** A floor that answers less than the platform would be lower than it is. */
async function requireSameAnswers(ours: number, floor: number, index: number): Promise<void> {
  const [mine, bare] = [await answerTo(index, ours), await answerTo(index, floor)];
  const same = mine.body.replace(CHANGING, '') === bare.body.replace(CHANGING, '') && mine.fields === bare.fields;
  if (!same) throw new Error(`the floor answers something else:\n${JSON.stringify({ mine, bare }, null, 2)}`);
}
