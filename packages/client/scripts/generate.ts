/** Writes what the client knows of the contract at run time, so that it needs no schema library. `--check` only compares. */
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { operationList, problems } from '@tessera/contract';
import { denialCodes } from '@tessera/verify';

const files: Readonly<Record<string, string>> = {
  'operations.ts': renderOperations(),
  'error-codes.ts': renderErrorCodes(),
};

for (const [name, wanted] of Object.entries(files)) {
  const target = new URL(`../src/${name}`, import.meta.url);
  if (!process.argv.includes('--check')) {
    await writeFile(target, wanted);
  } else if ((await readFile(target, 'utf8')) !== wanted) {
    process.stderr.write(
      `packages/client/src/${name} differs from the contract: run packages/client/scripts/generate.ts\n`,
    );
    process.exitCode = 1;
  }
}

function renderOperations(): string {
  const rows = operationList.map(
    ([name, { method, path, changes }]) =>
      `  '${name}': { method: '${method}', path: '${path}', changes: ${changes} },`,
  );
  return `/** How each operation of the management API is called. Generated from the contract by \`scripts/generate.ts\`; not edited by hand. */
import type { OperationName } from '@tessera/contract';

export interface OperationCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Template with \`{name}\` parameters, one segment each. */
  readonly path: string;
  /** Whether it changes something: then a POST carries an \`Idempotency-Key\`. */
  readonly changes: boolean;
}

export const operations = {
${rows.join('\n')}
} as const satisfies Readonly<Record<OperationName, OperationCall>>;
`;
}

function renderErrorCodes(): string {
  const lines = (codes: readonly string[]): string => codes.map((code) => `  '${code}',\n`).join('');
  return `/** Every code that an error of this client can have. Generated from the contract by \`scripts/generate.ts\`; not edited by hand. */
import { type OAuthCode, oauthCodes } from './oauth-codes.ts';

const serverCodes = [
  // Problems of the management API.
${lines(Object.keys(problems))}  // Refusals of the token that the client presents.
${lines(denialCodes)}] as const;

/** What the server says, in the \`code\` of its problems and the \`error\` of its OAuth endpoints. */
export type ServerCode = (typeof serverCodes)[number] | OAuthCode;
/**
 * What this client says itself: the kind of a failure where the server said nothing, and \`unexpected\` for a code of the
 * server that is not in this list.
 */
export type ClientCode = 'network' | 'timeout' | 'protocol' | 'missed' | 'unexpected';
/** Closed: a \`switch\` over it can be checked to be complete. */
export type ErrorCode = ServerCode | ClientCode;

const known: ReadonlySet<string> = new Set([...serverCodes, ...oauthCodes]);

export function isServerCode(code: string | undefined): code is ServerCode {
  return code !== undefined && known.has(code);
}
`;
}
