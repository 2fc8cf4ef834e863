/** What a service hears that gave no `onEvent`: a verifier that refuses everybody must say why, and not at the rate of the requests. */
import type { VerifierEvent } from './options.ts';

/** Different lines until the server is followed again. */
const MOST_LINES = 10;

// biome-ignore lint/suspicious/noConsole: whoever gave no listener has no other place to look.
export function consoleEvents(warn: (line: string) => void = console.warn): (event: VerifierEvent) => void {
  const told = new Set<string>();
  return (event) => {
    if (event.type === 'following') {
      if (told.size > 0) warn('tessera: the verifier follows the server again');
      told.clear();
      return;
    }
    // One line, whatever stands in the messages of others.
    const line = `tessera: ${reasonOf(event.error)}`.replaceAll(/\s+/g, ' ').trim();
    if (told.has(line) || told.size >= MOST_LINES) return;
    told.add(line);
    warn(line);
  };
}

/** With its causes: `fetch failed` alone would tell nothing. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { readonly code?: unknown };
  const own = error.message === '' ? String(code ?? error.name) : error.message;
  return error.cause === undefined ? own : `${own}: ${reasonOf(error.cause)}`;
}
