/** A port for programs that cannot choose one and tell, and for those that come back to theirs. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that systems give to connections by themselves: nobody's connection takes it until it is used, or used again. */
const LOWEST = 12_000;
const HIGHEST = 32_000;

/** Who got one may not have begun to use it when the next one is asked for. */
const given = new Set<number>();

/** It was free a moment ago, and is given out once. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
