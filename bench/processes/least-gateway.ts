/**
 * The least that a gateway can do which sends and answers what ours does: the bare proxy, one SHA-256, one Map, two counters, the
 * fields of identity and of limits, and a line of a log that nobody reads. It knows one path, one scope and one workspace, refuses
 * nothing but strangers, keeps nothing, and would pass on whatever a client forges.
 */
import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { tokenId, tokenText } from '../rig/tokens.ts';

const [upstream = '', tokens = '0'] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${upstream}`, { connections: 1024, pipelining: 1 });

interface Known {
  readonly id: string;
  used: number;
  minute: number;
  hour: number;
  at: number;
}

const known = new Map<string, Known>();
for (let index = 0; index < Number(tokens); index += 1) {
  const entry = { id: tokenId(index), used: 0, minute: 0, hour: 0, at: 0 };
  known.set(hash('sha256', tokenText(index), 'binary'), entry);
}

const LIMIT = 1_000_000;
let count = 0;
/** Keeps the compiler from leaving the line out. */
let logged = 0;

/** What is left of a rate in whole requests, after this one. */
function spend(backlog: number, passed: number, windowMs: number): number {
  return Math.max(0, backlog - passed * LIMIT) + windowMs;
}

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  const { rawHeaders } = request;
  const fields: string[] = [];
  let credential = '';
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name === 'Authorization') credential = (rawHeaders[at + 1] ?? '').slice(7);
    else if (name !== 'Host' && name !== 'Connection') fields.push(name, rawHeaders[at + 1] ?? '');
  }
  const token = known.get(hash('sha256', credential, 'binary'));
  if (token === undefined) {
    response.writeHead(401, ['Content-Length', '0']);
    response.end();
    return;
  }
  const now = Date.now();
  const passed = now - token.at;
  token.minute = spend(token.minute, passed, 60_000);
  token.hour = spend(token.hour, passed, 3_600_000);
  token.at = now;
  token.used += 1;
  count += 1;
  const id = `b2ee420e4e71306e-${count.toString(36)}`;
  const path = request.url ?? '/';
  fields.push('X-Forwarded-For', request.socket.remoteAddress ?? '', 'X-Forwarded-Host', '127.0.0.1');
  fields.push('X-Forwarded-Proto', 'http', 'X-Request-Id', id);
  fields.push('X-Tessera-Token-Id', token.id, 'X-Tessera-Scopes', 'orders:read orders:write');
  const left = [LIMIT - Math.ceil(token.minute / 60_000), LIMIT - Math.ceil(token.hour / 3_600_000)];
  pool.dispatch(
    { path, method: request.method ?? 'GET', headers: fields, body: null },
    {
      onRequestStart() {},
      onResponseStart(_controller, status, headers) {
        const answer: string[] = [];
        for (const name of Object.keys(headers)) answer.push(name, String(headers[name]));
        answer.push('X-RateLimit-Limit', String(LIMIT), 'X-RateLimit-Remaining', String(left[0]));
        answer.push('X-RateLimit-Reset', '1', 'RateLimit', `"minute";r=${left[0]};t=1, "hour";r=${left[1]};t=1`);
        answer.push('RateLimit-Policy', `"minute";q=${LIMIT};w=60, "hour";q=${LIMIT};w=3600`, 'X-Request-Id', id);
        response.writeHead(status, answer);
      },
      onResponseData(_controller, chunk) {
        response.write(chunk);
      },
      onResponseEnd() {
        response.end();
        logged +=
          `{"level":"info","time":"${now}","route":"orders","requestId":"${id}","path":"${path}","token":"${token.id}"}`
            .length;
      },
      onResponseError() {
        response.destroy();
      },
    },
  );
});
server.maxRequestsPerSocket = 100_000;
server.on('close', () => console.log(`logged ${logged}`));
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
