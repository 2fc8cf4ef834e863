/** Questions to a person at a terminal. They are asked on stderr, so that stdout holds data only. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Edge } from './edge.ts';

/** Asks for a text that is not shown while it is typed. */
export async function askHidden(edge: Edge, question: string): Promise<string> {
  edge.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    return await askOn(edge, nowhere, '');
  } finally {
    edge.stderr.write('\n');
  }
}

/** Whether the person said yes; anything else means no. */
export async function confirm(edge: Edge, question: string): Promise<boolean> {
  const answer = await askOn(edge, edge.stderr, `${question} [y/N] `);
  return /^y(?:es)?$/i.test(answer.trim());
}

async function askOn(edge: Edge, output: Writable, question: string): Promise<string> {
  // With `terminal`, readline does the echo itself: a terminal that echoed too would show what is hidden.
  const lines = createInterface({ input: edge.stdin, output, terminal: true, historySize: 0 });
  const stopped = new AbortController();
  lines.once('SIGINT', () => stopped.abort(new DOMException('interrupted', 'AbortError')));
  lines.once('close', () => stopped.abort(new DOMException('interrupted', 'AbortError')));
  try {
    return await lines.question(question, { signal: AbortSignal.any([edge.interrupted, stopped.signal]) });
  } finally {
    lines.close();
  }
}
