/** The key sets that anybody may fetch: of the default workspace at the well-known place, of each workspace at its own. */
import type { PublishedKeys } from './core/key-ring/published-keys.ts';
import { problem } from './http/problem.ts';
import { sendJson, sendProblem } from './http/send.ts';
import type { Door } from './platform.ts';

export interface KeySetsParts {
  readonly published: PublishedKeys;
  readonly defaultWorkspace: string;
  /** Of what is signed here with a key from a file. */
  readonly own: readonly object[];
}

/** Whoever keeps a set for so long knows a key that waits before it signs. */
const HEADERS = { 'Cache-Control': 'public, max-age=300' };
const OF_WORKSPACE = /^\/workspaces\/([^/]+)\/jwks\.json$/;

/** Undefined: the path names no key set. */
export function keySets({ published, defaultWorkspace, own }: KeySetsParts): (path: string) => Door | undefined {
  const door =
    (workspace: string, more: readonly object[]): Door =>
    async (_request, response, { requestId }) => {
      const keys = await published.of(workspace);
      if (keys === undefined)
        return sendProblem(response, problem('not_found', { detail: 'no such path' }), { requestId });
      sendJson(response, 200, JSON.stringify({ keys: [...more, ...keys] }), { requestId, headers: HEADERS });
    };
  return (path) => {
    if (path === '/.well-known/jwks.json') return door(defaultWorkspace, own);
    const workspace = OF_WORKSPACE.exec(path)?.[1];
    return workspace === undefined ? undefined : door(workspace, []);
  };
}
