/** `tessera login`, `logout` and `whoami`: keep a management token for a server, forget it, and ask what it is. */
import { type Client, TesseraError } from '@tessera/client';
import type { Command } from 'commander';
import { connect, isExposed, makeClient, namedToken, serverUrl } from '../connection.ts';
import { credentialsPath, readCredentials, writeCredentials } from '../credentials.ts';
import { withExamples } from '../examples.ts';
import type { Context } from '../invocation.ts';
import { readSecret } from '../read-input.ts';

export function defineLogin(command: Command, context: Context): void {
  command.description('keep a management token for a server, in a file that only you can read').action(
    context.action(async ({ edge, options, note }) => {
      const url = await serverUrl(edge, options);
      if (isExposed(url)) note(`warning: ${url} is plain HTTP; the token can be read on the way`);
      const file = namedToken(options);
      const token = await readSecret(edge, { file, what: 'Management token', mayAsk: options.input });
      await checkAccepted(makeClient(edge, options, { url, token }));
      const { servers } = await readCredentials(edge);
      await writeCredentials(edge, { current: url, servers: { ...servers, [url]: { token } } });
      const path = credentialsPath(edge);
      return {
        data: { url, path },
        view: { kind: 'text', text: `Signed in to ${url}.` },
        quiet: [],
        notes: [`The token is kept in ${path}.`],
      };
    }),
  );
  withExamples(command, ['tessera login', 'tessera login --url https://tessera.example.test --token-file admin.txt']);
}

export function defineLogout(command: Command, context: Context): void {
  command
    .description('forget the management token of a server; it stays valid until it is revoked')
    .option('--all', 'of every server')
    .action(
      context.action<{ readonly all?: boolean }>(async ({ edge, options }) => {
        const { current, servers } = await readCredentials(edge);
        const url = await serverUrl(edge, options);
        const gone =
          options.all === true ? Object.keys(servers) : Object.keys(servers).filter((server) => server === url);
        const kept = Object.fromEntries(Object.entries(servers).filter(([server]) => !gone.includes(server)));
        const stillCurrent = current !== null && Object.hasOwn(kept, current) ? current : null;
        await writeCredentials(edge, { current: stillCurrent, servers: kept });
        const text = gone.length === 0 ? `Not signed in to ${url}.` : `Signed out of ${gone.join(', ')}.`;
        return { data: { signedOut: gone }, view: { kind: 'text', text }, quiet: [] };
      }),
    );
  withExamples(command, ['tessera logout', 'tessera logout --all']);
}

export function defineWhoami(command: Command, context: Context): void {
  command.description('show what the management token in use may do (it needs the scope `verify`)').action(
    context.action(async ({ edge, options }) => {
      const { client, url, token } = await connect(edge, options);
      const { id, name, owner, scopes, expiresAt } = await client.verify(
        { token, mode: 'explain' },
        { repeatable: true },
      );
      const data = { url, id, name, owner, scopes, expiresAt };
      return {
        data,
        view: {
          kind: 'fields',
          fields: [
            ['server', url],
            ['token', id],
            ['name', name],
            ['owner', owner],
            ['scopes', scopes],
            ['expires', expiresAt === null ? 'never' : expiresAt],
          ],
        },
        quiet: id === undefined ? [] : [id],
      };
    }),
  );
  withExamples(command, ['tessera whoami', 'tessera whoami --json']);
}

/** Any answer but 401 shows that the server knows the token; it may have few scopes. */
async function checkAccepted(client: Client): Promise<void> {
  try {
    await client.tokens.list({ limit: 1 });
  } catch (error) {
    if (error instanceof TesseraError && error.status === 403) return;
    throw error;
  }
}
