/** Reads Prometheus' text format. */
import { call } from './call.ts';
import type { Server } from './server.ts';

/** The value of a series, by its name and labels as they are written; 0 where there is none. */
export async function metric(server: Pick<Server, 'url'>, series: string): Promise<number> {
  const { text } = await call(server, 'GET /metrics');
  const line = text.split('\n').find((written) => written.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}
