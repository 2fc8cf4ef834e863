/** A process edge with a person at the terminal: what it types is scripted, what it sees is kept. */
import { PassThrough } from 'node:stream';
import type { Edge } from '../src/edge.ts';

export interface FakeTerminal {
  readonly edge: Edge;
  readonly type: (text: string) => void;
  readonly shown: () => { readonly stdout: string; readonly stderr: string };
}

export function fakeTerminal(argv: readonly string[], given: Partial<Edge> = {}): FakeTerminal {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const [stdout, stderr] = [keeping(), keeping()];
  return {
    edge: {
      argv,
      env: {},
      stdin,
      stdout: stdout.stream,
      stderr: stderr.stream,
      homeDirectory: '/nonexistent',
      platform: 'linux',
      execPath: process.execPath,
      interrupted: new AbortController().signal,
      takeSignals: () => () => undefined,
      now: () => Date.parse('2027-01-01T00:00:00Z'),
      ...given,
    },
    type: (text) => stdin.write(text),
    shown: () => ({ stdout: stdout.text(), stderr: stderr.text() }),
  };
}

function keeping(): { readonly stream: Edge['stdout']; readonly text: () => string } {
  let kept = '';
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  stream.on('data', (chunk: Uint8Array) => {
    kept += new TextDecoder().decode(chunk);
  });
  return { stream, text: () => kept };
}
