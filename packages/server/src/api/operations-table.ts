/** Which operation a request asks for: the contract's table, by path and method. */
import { type Operation, type OperationName, operationList } from '@tessera/contract';

export type Found =
  | {
      readonly outcome: 'operation';
      readonly name: OperationName;
      readonly operation: Operation;
      readonly params: Readonly<Record<string, string>>;
    }
  | { readonly outcome: 'method'; readonly allow: string }
  | { readonly outcome: 'none' };

interface Entry {
  readonly name: OperationName;
  readonly operation: Operation;
  readonly segments: readonly string[];
}

const entries: readonly Entry[] = operationList
  .map(([name, operation]) => ({ name, operation, segments: operation.path.split('/') }))
  // Literal paths before templates: `/v1/tokens/batch` is no token's id.
  .sort((a, b) => Number(a.operation.path.includes('{')) - Number(b.operation.path.includes('{')));

export function findOperation(method: string, path: string): Found {
  const segments = path.split('/');
  const matching = entries.filter((entry) => matches(entry.segments, segments));
  const entry = matching.find(({ operation }) => operation.method === method);
  if (entry !== undefined)
    return {
      outcome: 'operation',
      name: entry.name,
      operation: entry.operation,
      params: paramsOf(entry.segments, segments),
    };
  if (matching.length === 0) return { outcome: 'none' };
  return {
    outcome: 'method',
    allow: [...new Set(matching.map(({ operation }) => operation.method))].sort().join(', '),
  };
}

function matches(template: readonly string[], segments: readonly string[]): boolean {
  return (
    template.length === segments.length &&
    template.every((part, index) => part === segments[index] || (part.startsWith('{') && segments[index] !== ''))
  );
}

function paramsOf(template: readonly string[], segments: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    template.flatMap((part, index) => (part.startsWith('{') ? [[part.slice(1, -1), segments[index] ?? '']] : [])),
  );
}
