/** Writes `src/operations.ts` from the contract, so that the client needs no schema library at run time. `--check` only compares. */
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { operationList } from '@tessera/contract';

const target = new URL('../src/operations.ts', import.meta.url);
const wanted = renderOperations();

if (!process.argv.includes('--check')) {
  await writeFile(target, wanted);
} else if ((await readFile(target, 'utf8')) !== wanted) {
  process.stderr.write(
    'packages/client/src/operations.ts differs from the contract: run packages/client/scripts/generate.ts\n',
  );
  process.exitCode = 1;
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
