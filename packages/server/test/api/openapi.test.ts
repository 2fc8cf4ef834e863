/** The OpenAPI description is valid 3.1 and says what the contract says. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { operationList } from '@tessera/contract';
import { expect, test } from 'vitest';
import { openApiDocument } from '../../src/api/openapi.ts';

interface Described {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly operationId: string; readonly responses: object }>>>
  >;
}

const document = openApiDocument('0.0.0') as Described;

test('it is valid against the schema of OpenAPI 3.1', async () => {
  const result = await new Validator().validate(JSON.parse(JSON.stringify(document)) as Record<string, unknown>);
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
  expect(document.openapi).toMatch(/^3\.1\./);
});

test.each(operationList)('%s is described with its path, method and status', (name, { method, path, status }) => {
  const described = document.paths[path]?.[method.toLowerCase()];
  expect(described?.operationId).toBe(name);
  expect(Object.keys(described?.responses ?? {})).toContain(String(status));
});

test('every reference inside it leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
  expect(references.length).toBeGreaterThan(10);
  for (const path of references) {
    const target = path
      .split('/')
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
    expect(target, path).toBeDefined();
  }
});
