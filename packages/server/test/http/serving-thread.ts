/** A thread with a small heap of young objects, which serves requests and tells how much of what it made has grown old. */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';
import { listen } from '../../src/http/listen.ts';
import { sendJson } from '../../src/http/send.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;

const { port } = await listen({
  handler: (_request, response) => sendJson(response, 200, { ok: true }, { requestId: 'r' }),
  host: '127.0.0.1',
  port: 0,
  onError(error) {
    throw error;
  },
});
parentPort?.on('message', () => {
  // What is alive now is old after two.
  for (let times = 0; times < 2; times += 1) collect({ type: 'minor' });
  const old = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space');
  parentPort?.postMessage(old?.space_used_size);
});
parentPort?.postMessage(port);
