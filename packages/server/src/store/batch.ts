/** One transaction for many units of work: each is undone alone, all become durable in one commit. */
import { CompiledQuery } from 'kysely';
import type { AuditEntry, Change, ChangeEntry } from '../core/model.ts';
import { type AuditSeal, OutcomeUnknown, StoreUnavailable, type Tx } from '../core/store-port.ts';
import type { Engine } from './engine.ts';
import { latestChange } from './sql/changes.ts';
import { appendAudit, appendChanges } from './sql/ledger.ts';
import type { Db } from './sql/tables.ts';
import { createUnit } from './sql/unit.ts';

/** A unit that waits for something else than the store would stop every writer. */
const UNIT_MILLISECONDS = 10_000;

export type Work = (tx: Tx) => Promise<unknown>;
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

export interface Batch {
  /** One for each unit, in order. */
  readonly outcomes: readonly Outcome[];
  readonly changes: readonly Change[];
  /** The newest change that a unit saw which changed nothing and tells somebody so. */
  readonly seen?: number;
}

interface Through {
  /** `writes` of the engine, or `aside`. */
  readonly db: Db;
  readonly seal: AuditSeal;
  now(): number;
}

const COMMIT = CompiledQuery.raw('commit');
const ROLLBACK = CompiledQuery.raw('rollback');
const SAVEPOINT = CompiledQuery.raw('savepoint unit');
const RELEASE = CompiledQuery.raw('release savepoint unit');
const UNDO = CompiledQuery.raw('rollback to savepoint unit');

/**
 * @throws whatever kept the batch as a whole from being committed: StoreUnavailable where it did not even begin,
 *   OutcomeUnknown where the commit may have happened
 */
export async function runBatch(engine: Engine, units: readonly Work[], through: Through): Promise<Batch> {
  let begun = false;
  try {
    return await through.db.connection().execute(async (connection) => {
      try {
        await engine.begin(connection);
        begun = true;
        return await runUnits({ engine, connection, through }, units);
      } catch (error) {
        // The first error is the one to tell; where a rollback fails too, the connection is gone and the transaction with it.
        await connection.executeQuery(ROLLBACK).catch(() => undefined);
        throw error;
      }
    });
  } catch (error) {
    throw begun ? error : new StoreUnavailable('the store takes no writes', { cause: error });
  }
}

interface Running {
  readonly engine: Engine;
  readonly connection: Db;
  readonly through: Through;
}

async function runUnits(running: Running, units: readonly Work[]): Promise<Batch> {
  const { engine, connection, through } = running;
  const outcomes: Outcome[] = [];
  const entries: AuditEntry[] = [];
  const entered: ChangeEntry[] = [];
  let tellsOfOthers = false;
  for (const work of units) {
    const { outcome, unit } = await runUnit(running, work, units.length > 1);
    outcomes.push(outcome);
    if ('error' in outcome) continue;
    entries.push(...unit.entries);
    entered.push(...unit.changes);
    if (unit.tells() && unit.changes.length === 0) tellsOfOthers = true;
  }
  if (outcomes.every((outcome) => 'error' in outcome)) {
    await connection.executeQuery(ROLLBACK);
    return { outcomes, changes: [] };
  }
  const { inserts } = engine.terms;
  // Before ours are in it: those are told as they are.
  const seen = tellsOfOthers ? await latestChange(connection) : undefined;
  const changes = await appendChanges(connection, inserts.changes, { entries: entered, at: through.now() });
  const newest = changes.at(-1);
  if (newest !== undefined) await engine.announce(connection, newest.seq);
  await appendAudit(connection, inserts.audit, { entries, seal: through.seal });
  await commit(running);
  engine.committed();
  return { outcomes, changes, ...(seen !== undefined && { seen }) };
}

/** A unit that is alone needs no savepoint: where it fails, there is nothing to commit. */
async function runUnit({ engine, connection }: Running, work: Work, savepoint: boolean) {
  const unit = createUnit(connection, engine.terms);
  if (savepoint) await connection.executeQuery(SAVEPOINT);
  try {
    const value = await inTime(work(unit.tx));
    unit.end();
    if (savepoint) await connection.executeQuery(RELEASE);
    return { outcome: { value }, unit };
  } catch (error) {
    unit.end();
    if (error instanceof UnitTooSlow || engine.isRetryable(error)) throw error;
    if (savepoint) {
      await connection.executeQuery(UNDO);
      await connection.executeQuery(RELEASE);
    }
    return { outcome: { error }, unit };
  }
}

async function commit({ engine, connection }: Running): Promise<void> {
  const { rows } = await connection.executeQuery<{ readonly command?: string }>(COMMIT).catch((error: unknown) => {
    if (!engine.leavesOutcomeOpen(error)) throw error;
    throw new OutcomeUnknown('the connection was lost at COMMIT', { cause: error });
  });
  // PostgreSQL answers the COMMIT of a transaction that an error has ended with a rollback, and no error.
  if (rows[0]?.command === 'ROLLBACK') throw new Error('the transaction had failed and was rolled back');
}

class UnitTooSlow extends Error {
  override readonly name = 'UnitTooSlow';
}

function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new UnitTooSlow(`a unit of work took more than ${UNIT_MILLISECONDS} ms`)),
    UNIT_MILLISECONDS,
  );
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}
