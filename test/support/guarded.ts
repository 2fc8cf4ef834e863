/** A service behind a proxy that asks Tessera: all of them real, each line between them in the test's hand. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from '@tessera/token';
import { type Caller, caller } from './call.ts';
import { freePort } from './free-port.ts';
import { type Line, line } from './line.ts';
import { copyExample, exampleText, startProgram } from './program.ts';
import { type Received, type RecordingService, recordingService } from './recording-service.ts';
import { type Reply, type SendOptions, send } from './send.ts';
import { type Server, startServer } from './server.ts';

export interface Guarded {
  /** Origin of the proxy. */
  readonly url: string;
  readonly tessera: Server;
  readonly admin: Caller;
  readonly service: RecordingService;
  /** Between the proxy and Tessera. */
  readonly line: Line;
  /** Everything that the proxy wrote into its logs. */
  logs(): string;
  /** Name and texts of the tokens that were minted for the test. */
  readonly tokens: { readonly reader: string; readonly admin: string; readonly ofOwner: string };
  readonly owner: string;
  /** Sends to the proxy. */
  ask(target: string, options?: SendOptions): Promise<Reply>;
  /** Sends with this token. */
  as(token: string, target: string, options?: SendOptions): Promise<Reply>;
  /** What reached the service since this was called last. */
  served(): readonly Received[];
  /** Tokens that nobody was given; as Tessera sees it, well formed. */
  stranger(): string;
  close(): Promise<void>;
}

/** What the tests ask of routes, beside the example's own. */
const ROUTES = `
  - name: admin
    match: { path: /admin/* }
    require: { scopes: [admin] }
    upstream: http://127.0.0.1:9000
  - name: public
    match: { path: /public/* }
    upstream: http://127.0.0.1:9000
  - name: limited
    match: { path: /limited }
    limits: [{ limit: 2, window: 3600 }]
    upstream: http://127.0.0.1:9000
  - name: near
    match: { path: /near }
    ip: { allow: [127.0.0.2/32] }
    upstream: http://127.0.0.1:9000
  - name: inside
    match: { path: /inside }
    ip: { allow: [10.0.0.0/8] }
    upstream: http://127.0.0.1:9000
`;

export interface ProxyUnderTest {
  /** Folder of `examples/forward-auth`. */
  readonly example: string;
  readonly program: string;
  readonly args: (folder: string) => readonly string[];
  /** The example's own address of itself, where it is not 127.0.0.1:8080. */
  readonly listens?: string;
}

export async function startGuarded({
  example,
  program,
  args,
  listens = '127.0.0.1:8080',
}: ProxyUnderTest): Promise<Guarded> {
  const service = await recordingService();
  const tessera = await startServer({
    config: exampleText('forward-auth/tessera.yaml') + ROUTES,
    // The tests present more bad credentials than anybody should.
    env: { TESSERA_FAILED_CREDENTIALS_PER_MINUTE: '100000' },
  });
  const toTessera = await line(Number(new URL(tessera.url).port));
  const port = await freePort();
  const folder = copyExample(`forward-auth/${example}`, {
    [listens]: listens.replace('8080', String(port)),
    '127.0.0.1:8420': `127.0.0.1:${toTessera.port}`,
    '127.0.0.1:9000': `127.0.0.1:${service.port}`,
  });
  const proxy = await startProgram(program, { args: args(folder), folder, port });
  const log = join(folder, 'access.log');
  const admin = caller(tessera, tessera.rootToken);
  const { id: owner } = await admin.do('owners.create', { body: { type: 'service', name: 'shop' } });
  const minted = async (more: Parameters<Caller['mint']>[0]): Promise<string> => (await admin.mint(more)).token;
  const tokens = {
    reader: await minted({ scopes: ['orders:read'] }),
    admin: await minted({ scopes: ['admin'] }),
    ofOwner: await minted({ scopes: ['orders:read', 'orders:write'], owner }),
  };
  const url = `http://127.0.0.1:${port}`;
  const ask = (target: string, options: SendOptions = {}): Promise<Reply> => send(url, target, options);
  return {
    url,
    tessera,
    admin,
    service,
    line: toTessera,
    logs: () => proxy.output() + (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    tokens,
    owner,
    ask,
    as: (token, target, options = {}) =>
      ask(target, { ...options, headers: { Authorization: `Bearer ${token}`, ...options.headers } }),
    served: () => service.received.splice(0),
    stranger: () => generate({ prefix: 'tsr', environment: 'live' }),
    async close() {
      await toTessera.close();
      service.close();
    },
  };
}
