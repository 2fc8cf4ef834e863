/** Where a store is restored from an older copy, no verifier believes anything that came after the copy, however it knew of it. */
import { cpSync } from 'node:fs';
import { createVerifier, type RemoteVerifier } from '@tessera/verify';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { newWorkspace, together, type Workspace } from './support/call.ts';
import { freePort } from './support/free-port.ts';
import { endServers, type Server, STARTS_MS, startServer, temporaryFolder } from './support/server.ts';
import { codeOf, untilCode } from './support/verifier.ts';

const verifiers: RemoteVerifier[] = [];
afterEach(async () => {
  await Promise.all(verifiers.splice(0).map((verifier) => verifier.close()));
});
afterAll(endServers);

/** A verifier whose streams can be cut off, while all else that it asks is answered. It believes its memory for a minute without them. */
async function cuttableVerifier({ url }: Pick<Server, 'url'>, { scoped }: Workspace) {
  let isCut = false;
  let open = new AbortController();
  const { token } = await scoped('verify');
  const verifier = createVerifier({
    url,
    token,
    audience: 'default',
    stalenessMs: 60_000,
    onEvent: () => {},
    async fetch(input, init) {
      if (!String(input).includes('/v1/changes')) return fetch(input, init);
      if (isCut) throw new TypeError('the line is cut');
      return fetch(input, { ...init, signal: AbortSignal.any([open.signal, ...(init?.signal ? [init.signal] : [])]) });
    },
  });
  verifiers.push(verifier);
  await verifier.ready();
  return {
    verifier,
    cut() {
      isCut = true;
      open.abort();
      open = new AbortController();
    },
    mend() {
      isCut = false;
    },
  };
}

describe('what came after the copy is forgotten', () => {
  it(
    'by who followed it, who only asked for it, and who comes back when the numbers are higher than ever',
    async () => {
      const env = { TESSERA_PORT: String(await freePort()) };
      const first = await startServer({ env });
      const workspace = await newWorkspace(first);
      const { admin } = workspace;
      const [kept, told, ended] = await together(3, () => admin.mint());
      if (kept === undefined || told === undefined || ended === undefined) throw new Error('three are minted');
      const following = await cuttableVerifier(first, workspace);
      const asking = await cuttableVerifier(first, workspace);
      const returning = await cuttableVerifier(first, workspace);
      for (const { verifier } of [following, asking, returning])
        for (const { token } of [kept, told]) expect(await codeOf(verifier, token)).toBe('ok');
      asking.cut();
      await first.stop();
      const copy = temporaryFolder();
      cpSync(first.data, copy, { recursive: true });

      const second = await startServer({ data: first.data, rootToken: first.rootToken, env });
      const lost = await admin.mint();
      for (const { id } of [told, ended]) await admin.do('tokens.revoke', { id });
      // From memory: the feed told it.
      for (const { verifier } of [following, returning]) await untilCode(verifier, told.token, 'revoked');
      for (const { verifier } of [following, asking, returning]) {
        expect(await codeOf(verifier, lost.token)).toBe('ok');
        expect(await codeOf(verifier, ended.token)).toBe('revoked');
      }
      returning.cut();
      await second.stop();

      await startServer({ data: copy, rootToken: first.rootToken, env });
      // It was told of changes that the copy lacks: the number goes back.
      await untilCode(following.verifier, lost.token, 'unknown');
      // It was told of none: the number does not go back.
      asking.mend();
      await untilCode(asking.verifier, lost.token, 'unknown');
      // It was told of changes whose numbers have others by now.
      await together(20, () => admin.mint());
      returning.mend();
      await untilCode(returning.verifier, lost.token, 'unknown');
      for (const { verifier } of [following, asking, returning])
        for (const { token } of [kept, told, ended]) await untilCode(verifier, token, 'ok');
      await admin.do('tokens.revoke', { id: told.id });
      for (const { verifier } of [following, asking, returning]) await untilCode(verifier, told.token, 'revoked');
    },
    STARTS_MS,
  );
});
