/** The verify endpoint: a token text in, its verdict out. The hot path: no promise and no schema walk that can be spared. */
import type { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Body, operations, problems } from '@tessera/contract';
import {
  type Circumstances,
  type Credential,
  chain,
  circumstances,
  credentialOf,
  credentialOfDigest,
  decide,
  explain,
  type Finding,
  type MaybePromise,
  type Requirement,
  requirement,
  type TokenFacts,
  type Verdict,
} from '@tessera/verify';
import { Refusal } from '../core/refusal.ts';
import type { Incoming } from '../http/edge.ts';
import { sendJson } from '../http/send.ts';
import { fieldOf } from '../http/sorted-fields.ts';
import { authenticate, type Caller, workspaceOfCall } from './authenticate.ts';
import { callerBody } from './caller-body.ts';
import { digestOf } from './digest.ts';
import { isJson, jsonBody, parseBody, parseQuery } from './input.ts';
import { problemOfError, refuse } from './problem-of-error.ts';
import type { ApiServices, VerifyName } from './services.ts';

type VerifyInput = Body<'verify.one'>;
type Answerer = (
  body: unknown,
  caller: { readonly caller: Caller; readonly workspace: string },
) => MaybePromise<string>;
type Handler = (request: IncomingMessage, response: ServerResponse, incoming: Incoming) => void;

export function verifyHandler(services: ApiServices): { readonly one: Handler; readonly batch: Handler } {
  return {
    one: endpoint('verify.one', (body, { workspace }) => answerTo(body as VerifyInput, workspace, services), services),
    batch: endpoint(
      'verify.batch',
      (body, { workspace }) => answerToAll(body as Body<'verify.batch'>, workspace, services),
      services,
    ),
  };
}

function endpoint(name: VerifyName, answer: Answerer, services: ApiServices): Handler {
  const operation = operations[name];
  return (request, response, incoming) => {
    const { requestId } = incoming;
    const fail = (error: unknown): void => refuse(response, incoming, problemOfError(error, incoming, services));
    const judge = (raw: Buffer, caller: Caller): MaybePromise<void> => {
      if (!isJson(incoming)) throw new Refusal('unsupported_media_type', problems.unsupported_media_type.meaning);
      const value = jsonBody(raw);
      if (incoming.query !== '') parseQuery(operation, incoming.query);
      const body = parseBody(operation, value);
      return chain(workspaceFor(incoming, caller, services), (workspace) =>
        chain(answer(body, { caller, workspace }), (text) =>
          sendJson(response, 200, text, { requestId, noStore: true }),
        ),
      );
    };
    const receive = async (caller: Caller): Promise<void> => {
      await judge(await callerBody({ request, incoming, caller, scope: operation.scope }, services), caller);
    };
    const start = (): MaybePromise<void> =>
      chain(authenticate(incoming, operation.scope, services), (authentication) =>
        'problem' in authentication
          ? refuse(response, incoming, authentication.problem)
          : receive(authentication.caller),
      );
    try {
      const running = start();
      if (running instanceof Promise) running.catch(fail);
    } catch (error) {
      fail(error);
    }
  };
}

function workspaceFor({ fields }: Incoming, caller: Caller, services: ApiServices): MaybePromise<string> {
  const named = fieldOf(fields, 'tessera-workspace');
  return named === undefined ? caller.facts.workspace.id : workspaceOfCall(caller, named, services);
}

async function answerToAll({ items }: Body<'verify.batch'>, workspace: string, services: ApiServices): Promise<string> {
  const answers: string[] = [];
  // One after the other: items that share a limit are counted in their order.
  for (const item of items) answers.push(await answerTo(item, workspace, services));
  return `{"items":[${answers.join(',')}]}`;
}

function answerTo(input: VerifyInput, workspace: string, services: ApiServices): MaybePromise<string> {
  const credential = presentedBy(input);
  const asked = { requirement: requirementOf(input, workspace), circumstances: circumstancesOf(input) };
  if (input.mode === 'explain') {
    return explain(credential, asked, services.ports).then(({ verdict, findings }) => textOf(verdict, findings));
  }
  const start = performance.now();
  return chain(decide(credential, asked, services.ports), (verdict) => {
    const seconds = (performance.now() - start) / 1000;
    services.recorder.verdict(verdict, { door: 'verify', route: undefined, status: 200, seconds });
    return textOf(verdict, undefined);
  });
}

/** One of the two is there, and not both: the contract says so. */
function presentedBy({ token = '', digest }: VerifyInput): Credential {
  return digest === undefined ? credentialOf(token) : credentialOfDigest(digestOf(digest));
}

function requirementOf(input: VerifyInput, workspace: string): Requirement {
  return requirement({
    workspace,
    audience: input.audience,
    environment: input.env,
    ...(input.scopes && { scopes: input.scopes }),
  });
}

function circumstancesOf({ request, cost }: VerifyInput): Circumstances {
  if (request === undefined) return circumstances(cost === undefined ? {} : { cost });
  const { method, host, path, ip, headers } = request;
  return {
    address: ip,
    method,
    // The service behind the caller was reached over TLS or it has larger problems than a proof's scheme.
    url: host === undefined || path === undefined ? undefined : `https://${host}${withoutQuery(path)}`,
    proof: headers === undefined ? undefined : proofOf(headers),
    cost: cost ?? 1,
  };
}

function proofOf(headers: Readonly<Record<string, string>>): string | undefined {
  for (const name in headers) if (name.toLowerCase() === 'dpop') return headers[name];
  return undefined;
}

function withoutQuery(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}

/** The verdict as the contract shows it. Written member by member, in the order of the contract: a test holds it to the schema. */
function textOf(verdict: Verdict, findings: readonly Finding[] | undefined): string {
  const { valid, code, principal, limits } = verdict;
  const refused = verdict.valid ? undefined : verdict;
  let text = `{"valid":${valid},"code":"${code}"`;
  if (refused?.detail !== undefined) text += `,"detail":${JSON.stringify(refused.detail)}`;
  if (principal !== undefined) text += `,${principalText(principal as TokenFacts)}`;
  if (refused !== undefined && refused.missingScopes.length > 0)
    text += `,"missingScopes":${JSON.stringify(refused.missingScopes)}`;
  if (principal !== undefined) text += `,"limits":[${limits.map(limitText).join(',')}]`;
  const wait = refused === undefined ? 0 : longestWait(limits);
  if (wait > 0) text += `,"retryAfterSeconds":${wait}`;
  if (verdict.valid && verdict.shadowed.length > 0) text += `,"shadowed":${JSON.stringify(verdict.shadowed)}`;
  if (findings !== undefined) text += `,"steps":${JSON.stringify(findings)}`;
  return `${text}}`;
}

function limitText({ name, limit, remaining, resetSeconds }: Verdict['limits'][number]): string {
  return `{"name":${JSON.stringify(name)},"limit":${limit},"remaining":${remaining},"resetSeconds":${resetSeconds}}`;
}

/** Most of an answer says who the token is. Facts never change, so it is written once for as long as they are kept. */
const principalTexts = new WeakMap<TokenFacts, string>();

function principalText(facts: TokenFacts): string {
  const known = principalTexts.get(facts);
  if (known !== undefined) return known;
  const { kind, id, name, owner, api, environment, scopes, expiresAt, foreign } = facts;
  const view = {
    kind,
    id,
    name,
    owner: owner?.id ?? null,
    ownerType: owner?.type,
    issuer: foreign?.issuer,
    subject: foreign?.subject,
    roles: owner?.roles,
    api: api.id,
    audience: api.audience,
    env: environment,
    scopes,
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
  };
  const text = JSON.stringify(view).slice(1, -1);
  principalTexts.set(facts, text);
  return text;
}

function longestWait(limits: Verdict['limits']): number {
  return Math.max(0, ...limits.map(({ retryAfterSeconds }) => retryAfterSeconds));
}
