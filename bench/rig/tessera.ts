/** The platform as it is started by anybody: the real process, on free ports, with the settings that a bench names. */
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import { tokenText } from './tokens.ts';

/** The administrator token of every data folder of a run. */
export const ROOT_TOKEN = tokenText(0, 'tsm');

export interface Tessera {
  readonly pid: number;
  readonly port: number;
  readonly gatewayPort: number;
  /** Milliseconds from the start of the process to its first answer. */
  readonly startMilliseconds: number;
  /** What is still alive after all garbage is collected, inside the heap and outside. Only of one that `tellsLiveHeap`. */
  liveMebibytes(): Promise<number>;
  stop(): Promise<void>;
}

export interface TesseraOptions {
  /** The folder to run in; the data folder is `data` below it, the log `tessera.log`. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
  /** Default false: then it is started as anybody starts it. */
  readonly tellsLiveHeap?: boolean;
}

/** What `processes/live-heap.ts` answers. */
export interface LiveHeap {
  readonly bytes: number;
}

const LIVE_HEAP = new URL('../processes/live-heap.ts', import.meta.url);
const MEBIBYTE = 1_048_576;

const MAIN = new URL('../../packages/server/bin/tessera-server.js', import.meta.url);

export async function startTessera({
  folder,
  env,
  nodeOptions = [],
  tellsLiveHeap = false,
}: TesseraOptions): Promise<Tessera> {
  const start = performance.now();
  const child: Child = startChild(MAIN, {
    core: 'server',
    args: ['start'],
    nodeOptions: tellsLiveHeap ? [...nodeOptions, '--expose-gc', '--import', LIVE_HEAP.href] : nodeOptions,
    cwd: folder,
    log: join(folder, 'tessera.log'),
    env: { TESSERA_PORT: '0', TESSERA_GATEWAY_PORT: '0', TESSERA_ROOT_TOKEN: ROOT_TOKEN, ...env },
  });
  const port = Number(await child.printed(/platform +http:\/\/127\.0\.0\.1:([0-9]+)/));
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  const startMilliseconds = performance.now() - start;
  if (answer.status !== 200) throw new Error(`/healthz answered ${answer.status}`);
  const gatewayPort = Number(await child.printed(/gateway +http:\/\/127\.0\.0\.1:([0-9]+)/));
  return {
    pid: child.pid,
    port,
    gatewayPort,
    startMilliseconds,
    async liveMebibytes() {
      if (!tellsLiveHeap) throw new Error('started without `tellsLiveHeap`');
      const told = child.message();
      child.send({ ask: 'live heap' });
      return ((await told) as LiveHeap).bytes / MEBIBYTE;
    },
    stop: child.stop,
  };
}
