/** An upstream that is a process of its own, so that it can be killed, or told to go without losing a request. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from './free-port.ts';

export interface TargetProcess {
  readonly port: number;
  readonly origin: string;
  /** Ends at once, with whatever it was about to answer. */
  kill(): Promise<void>;
  /** Takes no new connection, answers what comes on those it has, and says that each is the last. */
  drain(): Promise<void>;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

const PROGRAM = `
  const [name, port, delay] = process.argv.slice(1);
  let draining = false;
  const server = require('node:net').createServer((socket) => {
    let text = '';
    socket.on('error', () => {}).on('data', (bytes) => {
      text += bytes;
      for (let end = text.indexOf('\\r\\n\\r\\n'); end >= 0; end = text.indexOf('\\r\\n\\r\\n')) {
        text = text.slice(end + 4);
        setTimeout(() => {
          const last = draining ? 'Connection: close\\r\\n' : '';
          socket.write('HTTP/1.1 200 OK\\r\\n' + last + 'Content-Length: ' + name.length + '\\r\\n\\r\\n' + name);
          if (draining) socket.end();
        }, Number(delay));
      }
    });
  });
  server.listen(Number(port), '127.0.0.1', () => console.log(server.address().port));
  process.on('SIGTERM', () => { draining = true; server.close(); });
`;

export interface TargetOptions {
  /** What it answers, to everything that has no body. */
  readonly name: string;
  /** Default: a free one, to which another process may come back. */
  readonly port?: number;
  readonly delayMs?: number;
}

/** Resolves when it listens. */
export async function targetProcess({ name, port, delayMs = 0 }: TargetOptions): Promise<TargetProcess> {
  const args = ['-e', PROGRAM, '--', name, String(port ?? (await freePort())), String(delayMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const gone = once(child, 'close').then(() => void children.delete(child));
  const [text] = (await once(child.stdout, 'data')) as [Uint8Array];
  const bound = Number(String(text));
  const end = (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    return gone;
  };
  return {
    port: bound,
    origin: `http://127.0.0.1:${bound}`,
    kill: () => end('SIGKILL'),
    drain: () => end('SIGTERM'),
  };
}

/** For `afterAll`. */
export function endTargets(): void {
  for (const child of children) child.kill('SIGKILL');
}
