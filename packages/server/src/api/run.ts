/** Runs one operation: a read on committed state, a change in one unit of work together with its idempotency record. */
import { type OperationName, operations } from '@tessera/contract';
import type { TokenKind } from '@tessera/verify';
import type { Call, Confirmed } from '../core/call.ts';
import { confirmed } from '../core/caller.ts';
import type { IdempotencyRecord } from '../core/model.ts';
import { Refusal } from '../core/refusal.ts';
import type { Tx } from '../core/store-port.ts';
import { problem } from '../http/problem.ts';
import type { Answer } from './answer.ts';
import {
  isIdempotencyKey,
  type KeyedRequest,
  keyedRequest,
  open,
  REMEMBERED_MS,
  type RequestIdentity,
  seal,
} from './idempotency.ts';
import { issuerReads, issuerWrites } from './issuers.ts';
import { keyReads, keyWrites } from './keys.ts';
import { leaseReads } from './leases.ts';
import { recordReads } from './records.ts';
import { resourceReads, resourceWrites } from './resources.ts';
import type { ApiServices, ReadHandlers, ReadName, Result, WriteHandlers, WriteName } from './services.ts';
import { tokenReads, tokenWrites } from './tokens.ts';
import { verifierReads } from './verifiers.ts';

const reads: ReadHandlers<ReadName> = {
  ...tokenReads,
  ...resourceReads,
  ...recordReads,
  ...verifierReads,
  ...leaseReads,
  ...keyReads,
  ...issuerReads,
};
const writes: WriteHandlers<WriteName> = { ...tokenWrites, ...resourceWrites, ...keyWrites, ...issuerWrites };

/** Parsed by the schemas of the operation that is run: the types meet again in the handler. */
export interface Input {
  readonly call: Call;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

type AnyRead = (request: object) => Promise<Result<unknown>>;
type AnyWrite = (tx: Tx, request: object) => Promise<Result<unknown>>;

export async function runRead(name: ReadName, input: Input, services: ApiServices): Promise<Answer> {
  const handler = reads[name] as AnyRead;
  return answerOf(name, await handler({ ...input, services }));
}

export async function runWrite(
  name: WriteName,
  input: Input & { readonly keyed: RequestIdentity | undefined },
  services: ApiServices,
): Promise<Answer> {
  const handler = writes[name] as AnyWrite;
  const run: Run = async (tx, call) => answerOf(name, await handler(tx, { ...input, call, services }));
  const { call, keyed } = input;
  if (keyed !== undefined) return runKeyed(keyed, run, { name, call, services });
  const answer = await services.store.write(async (tx) => run(tx, await confirmed(tx, call))).catch(refusalAnswer);
  announce(name, answer, services);
  return answer;
}

type Run = (tx: Tx, call: Confirmed) => Promise<Answer>;

async function runKeyed(
  identity: RequestIdentity,
  run: Run,
  { name, call, services }: { readonly name: WriteName; readonly call: Call; readonly services: ApiServices },
): Promise<Answer> {
  if (!isIdempotencyKey(identity.key))
    throw new Refusal('invalid_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters');
  const keyed = keyedRequest(identity);
  const { store, inFlight } = services;
  return inFlight.alone(keyed.id, async () => {
    try {
      const { answer, isRepeat } = await store.write(async (tx) => {
        const standing = await confirmed(tx, call);
        // Inside the unit of work, so that the same holds when the first request ran on another node.
        const kept = await remembered(tx, keyed, call.now);
        if (kept !== undefined) return { answer: open(keyed, kept), isRepeat: true };
        const first = await run(tx, standing);
        await tx.putIdempotency(seal(keyed, first, call.now));
        return { answer: first, isRepeat: false };
      });
      if (!isRepeat) announce(name, answer, services);
      return answer;
    } catch (error) {
      const answer = refusalAnswer(error);
      // A refusal is an answer too. What failed on our side is not, and neither is a quarrel about the key itself.
      if (error instanceof Refusal && !error.code.startsWith('idempotency_'))
        await store.write((tx) => rememberRefusal(tx, seal(keyed, answer, call.now)));
      return answer;
    }
  });
}

async function remembered(tx: Tx, keyed: KeyedRequest, now: number): Promise<IdempotencyRecord | undefined> {
  const kept = await tx.idempotency(keyed.id);
  return kept !== undefined && now - kept.createdAt < REMEMBERED_MS ? kept : undefined;
}

async function rememberRefusal(tx: Tx, record: IdempotencyRecord): Promise<void> {
  const kept = await tx.idempotency(record.id);
  if (kept === undefined || record.createdAt - kept.createdAt >= REMEMBERED_MS) await tx.putIdempotency(record);
}

/** The output passes the contract's schema on its way out, so that nothing undeclared can leave. */
function answerOf(name: OperationName, result: Result<unknown>): Answer {
  const { status, output } = operations[name];
  const body = status === 204 ? '' : JSON.stringify(output.parse(result.output));
  return { status, body, etag: result.version === undefined ? undefined : `"${result.version}"`, problem: false };
}

function refusalAnswer(error: unknown): Answer {
  if (!(error instanceof Refusal)) throw error;
  const { code, detail, errors } = error;
  const told = problem(code, { detail, ...(errors.length > 0 && { errors }) });
  return { status: told.status, body: JSON.stringify(told), etag: undefined, problem: true };
}

/** Tells the metrics of what was done; a repeat does nothing. */
function announce(name: WriteName, answer: Answer, { events }: ApiServices): void {
  if (answer.problem) return;
  if (name === 'tokens.revoke') events.revoked();
  if (name === 'tokens.revokeMany') events.revoked((JSON.parse(answer.body) as { revoked: number }).revoked);
  if (name === 'tokens.create') events.minted((JSON.parse(answer.body) as { kind: TokenKind }).kind);
  if (name === 'tokens.createBatch')
    for (const { kind } of (JSON.parse(answer.body) as { items: { kind: TokenKind }[] }).items) events.minted(kind);
}
