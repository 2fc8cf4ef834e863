/** The OpenAPI 3.1 description, made from the contract: it cannot say anything else than what is enforced. */
import { type Operation, operationList, type ProblemCode, problems } from '@tessera/contract';
import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.string().meta({ description: 'Stable; a problem code or a denial code' }),
    requestId: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string(), code: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });

/** What any operation may answer besides its own problems. */
const COMMON: readonly ProblemCode[] = ['insecure_transport', 'internal', 'overloaded', 'unavailable'];
const WITH_BODY: readonly ProblemCode[] = ['malformed_json', 'too_large', 'unsupported_media_type', 'invalid_input'];
const DENIALS = {
  '401': 'No valid token: `missing`, `unknown`, `expired` and the other denial codes',
  '403': '`insufficient_scope`, `ip_denied`',
  '429': '`rate_limited`',
};

/** The description as it is sent, made when it is first asked for: that takes longer than anything else at a start. */
export function openApiText(version: string): () => string {
  let text: string | undefined;
  return () => {
    text ??= JSON.stringify(openApiDocument(version));
    return text;
  };
}

export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const [name, operation] of operationList) {
    const path = paths[operation.path] ?? {};
    path[operation.method.toLowerCase()] = describe(name, operation);
    paths[operation.path] = path;
  }
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Tessera',
      version,
      description: 'The management API. Problems are RFC 9457; token challenges are RFC 6750.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: paths as ZodOpenApiPathsObject,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A token of the api `tessera`' } },
    },
  });
}

function describe(name: string, operation: Operation): ZodOpenApiOperationObject {
  const { summary, description, tag, scope, params, query, body, bodyOptional, status, output, changes, method } =
    operation;
  const headers = z.object({
    ...(changes &&
      method === 'POST' && {
        'Idempotency-Key': z
          .string()
          .max(255)
          .optional()
          .meta({ description: 'The repeat of a request gets the first answer again, for 24 hours' }),
      }),
    ...(changes && operation.etag && { 'If-Match': z.string().optional() }),
    'Tessera-Workspace': z.string().optional().meta({ description: 'With the root token: the workspace to act in' }),
  });
  return {
    operationId: name,
    summary,
    description: [description, `Scope: \`${scope}\`.`].filter(Boolean).join('\n\n'),
    tags: [tag],
    requestParams: { ...(params && { path: params }), ...(query && { query }), header: headers },
    ...(body && {
      requestBody: { required: bodyOptional !== true, content: { 'application/json': { schema: body } } },
    }),
    responses: {
      [String(status)]:
        status === 204
          ? { description: 'Done' }
          : { description: 'Done', content: { 'application/json': { schema: output } } },
      ...problemResponses(operation),
    },
  };
}

function problemResponses(operation: Operation): ZodOpenApiResponsesObject {
  const texts = new Map<string, string[]>(Object.entries(DENIALS).map(([status, text]) => [status, [text]]));
  const codes: readonly ProblemCode[] = [
    ...operation.problems,
    ...COMMON,
    ...(operation.body ? WITH_BODY : ['invalid_input' as const]),
  ];
  for (const code of new Set(codes)) {
    const status = String(problems[code].status);
    texts.set(status, [...(texts.get(status) ?? []), `\`${code}\`: ${problems[code].meaning}`]);
  }
  const content = { 'application/problem+json': { schema: problemSchema } };
  return Object.fromEntries(
    [...texts].map(([status, lines]) => [status, { description: lines.join('\n\n'), content }]),
  );
}
