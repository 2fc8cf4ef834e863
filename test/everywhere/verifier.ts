/** Verifiers in processes of their own, each following one node over a line of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { caller } from '../support/call.ts';
import { type HeldLine, heldLine } from './held-line.ts';
import type { Node } from './platform.ts';
import type { Answer, Following, Question } from './verifier-process.ts';

export interface Verifier {
  readonly name: string;
  /** To the node, whichever process it is. */
  readonly line: HeldLine;
  verdict(secret: string): Promise<Omit<Answer, 'number'>>;
  signal(signal: NodeJS.Signals): void;
  close(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('./verifier-process.ts', import.meta.url));

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Resolves when it hears of changes. `env`: of its process. */
export async function startVerifier(
  name: string,
  node: Pick<Node, 'server'>,
  env: Readonly<Record<string, string>> = {},
): Promise<Verifier> {
  const line = await heldLine(() => Number(new URL(node.server().url).port));
  const root = caller(node.server(), node.server().rootToken);
  const { token } = await root.mint({ api: 'tessera', name, scopes: ['verify'] });
  const child = fork(PROGRAM, { env: { PATH: process.env.PATH, ...env }, stdio: 'inherit' });
  running.add(child);
  const gone = once(child, 'close').finally(() => running.delete(child));
  const following: Following = { url: `http://127.0.0.1:${line.port}`, token };
  child.send(following);
  await Promise.race([once(child, 'message'), failing(gone, name)]);
  const waiting = new Map<number, (answer: Answer) => void>();
  child.on('message', (answer: Answer) => {
    waiting.get(answer.number)?.(answer);
    waiting.delete(answer.number);
  });
  let asked = 0;
  return {
    name,
    line,
    verdict(secret) {
      asked += 1;
      const question: Question = { number: asked, secret };
      return new Promise((resolve, reject) => {
        waiting.set(question.number, resolve);
        child.send(question, (error) => {
          if (error !== null) reject(error);
        });
      });
    },
    signal: (signal) => void child.kill(signal),
    async close() {
      child.kill('SIGKILL');
      await gone;
      await line.close();
    },
  };
}

async function failing(gone: Promise<unknown>, name: string): Promise<never> {
  await gone;
  throw new Error(`${name} ended before it heard of changes`);
}
