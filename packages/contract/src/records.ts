/** What happened: the hash-chained audit log, and the change feed that caches follow. */
import { z } from 'zod';
import { operation } from './operation.ts';
import { timestamp } from './schemas.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const seq = z.int().min(0);

const auditRecord = z
  .strictObject({
    seq: z.int().min(1),
    at: timestamp,
    actor: z.strictObject({
      token: z.string().nullable(),
      owner: z.string().nullable(),
      kind: z.enum(['token', 'system']),
    }),
    action: z.string(),
    target: z.strictObject({ type: z.string(), id: z.string() }).nullable(),
    outcome: z.enum(['ok', 'denied']),
    requestId: z.string().nullable(),
    address: z.string().nullable(),
    details: z.record(z.string(), z.unknown()),
    previous: hash,
    hash: hash.meta({ description: 'SHA-256 of the RFC 8785 canonical JSON of the record without this member' }),
  })
  .meta({ id: 'AuditRecord' });

const checkpoint = z.strictObject({ workspace: z.string(), seq, hash, at: timestamp }).meta({
  id: 'AuditCheckpoint',
  description: 'Keep it elsewhere: with it, a cut tail is seen even where the log’s own head was cut too',
});

const mark = z.string().regex(/^[\w-]{16}$/);

export const change = z
  .strictObject({
    seq: z.int().min(1),
    mark: mark.meta({
      description:
        'Tells it from every other change that ever had its number: a store that was restored gives numbers out again',
    }),
    at: timestamp,
    kind: z.string(),
    id: z.string(),
    signedUntil: timestamp.optional().meta({
      description:
        'Signed tokens that it concerns, and that were signed before, are not to be believed by their claims; the last of them expires then',
    }),
  })
  .meta({ id: 'Change' });

const count = z.coerce.number().pipe(seq);

export const recordOperations = {
  'audit.list': operation({
    method: 'GET',
    path: '/v1/audit',
    tag: 'audit',
    summary: 'Read the audit log in order',
    scope: 'audit:read',
    query: z.strictObject({
      after: count.optional().meta({ description: 'Records with a higher `seq`; default 0' }),
      limit: z.coerce.number().pipe(z.int().min(1).max(1000)).optional().meta({ description: 'Default 100' }),
      action: z.string().min(1).max(100).optional(),
      target: z.string().min(1).max(100).optional().meta({ description: 'Id of what was changed' }),
    }),
    status: 200,
    output: z.strictObject({ items: z.array(auditRecord) }),
    changes: false,
    problems: [],
  }),
  'audit.verify': operation({
    method: 'GET',
    path: '/v1/audit/verify',
    tag: 'audit',
    summary: 'Prove the chain of the audit log',
    scope: 'audit:read',
    description:
      'Recomputes every hash and checks the head; with `seq` and `hash` of a checkpoint it also proves that nothing up to there was cut or replaced.',
    query: z
      .strictObject({ seq: count.optional(), hash: hash.optional() })
      .refine((value) => (value.seq === undefined) === (value.hash === undefined), {
        path: ['hash'],
        message: 'seq and hash go together',
      }),
    status: 200,
    output: z.strictObject({
      ok: z.boolean(),
      records: z.int(),
      firstBad: z.int().optional(),
      reason: z.string().optional(),
    }),
    changes: false,
    problems: [],
  }),
  'audit.checkpoint': operation({
    method: 'GET',
    path: '/v1/audit/checkpoint',
    tag: 'audit',
    summary: 'Export where the chain stands now',
    scope: 'audit:read',
    status: 200,
    output: checkpoint,
    changes: false,
    problems: [],
  }),
  'changes.list': operation({
    method: 'GET',
    path: '/v1/changes',
    tag: 'changes',
    summary: 'Follow what changed, in order',
    description:
      'With `Accept: text/event-stream` the answer is a stream of Server-Sent Events that goes on; `Last-Event-ID` or `since` resumes it. A change is an event named after its kind. `alive` comes at the start and every second, with `{"seq", "mark", "clock", "asOf"}`: everything up to `seq` was sent, and everything that was committed before `asOf`, in milliseconds of a clock of the server that never steps; `clock` is when it was written. Where `asOf` stays behind, the server itself hears nothing. `missed`, with the same members, says that changes may be unknown: the position was not one of this feed. Start anew, from its `seq`. Whoever resumes with `since` and the `mark` that came with this number hears it, too, where a store was restored from an older copy and has grown beyond the number since.',
    scope: 'changes:read',
    query: z
      .strictObject({
        since: count.optional(),
        mark: mark.optional().meta({ description: 'As it came with `since`' }),
        limit: z.coerce.number().pipe(z.int().min(1).max(1000)).optional(),
      })
      .refine((value) => value.mark === undefined || value.since !== undefined, {
        path: ['since'],
        message: 'mark is that of since',
      }),
    status: 200,
    output: z.strictObject({
      items: z.array(change),
      latest: seq,
    }),
    changes: false,
    problems: ['conflict'],
  }),
} as const;
