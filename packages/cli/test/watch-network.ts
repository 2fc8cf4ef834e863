/** Loaded before a program: tells at its end, on stderr, what of it could have reached another machine, and whether it tried. */
import { registerHooks } from 'node:module';
import net from 'node:net';
import process from 'node:process';

const NETWORK =
  /^(?:node:)?(?:http|https|http2|tls|dgram|dns|dns\/promises|undici|inspector)$|@tessera\/(?:client|server)/;
const seen = new Set<string>();

registerHooks({
  resolve(specifier, context, next) {
    if (NETWORK.test(specifier)) seen.add(`loads ${specifier}`);
    return next(specifier, context);
  },
});

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function watched(this: net.Socket, ...args: Parameters<typeof connect>) {
  seen.add('connects');
  return connect.apply(this, args);
} as typeof connect;
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function watched(this: net.Server, ...args: Parameters<typeof listen>) {
  seen.add('listens');
  return listen.apply(this, args);
} as typeof listen;

// Node loads its HTTP client when the global is first read, so that reading it tells.
const actualFetch = globalThis.fetch;
Object.defineProperty(globalThis, 'fetch', {
  get: () => {
    seen.add('fetch');
    return actualFetch;
  },
});

process.on('exit', () => {
  process.stderr.write(`[watch-network] ${[...seen].sort().join(', ') || 'none'}\n`);
});
