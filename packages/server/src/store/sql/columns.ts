/** How single columns hold what is no column type of both dialects, and what the queries share. */

import type { RawBuilder } from 'kysely';
import { sql } from 'kysely';

export function flag(value: boolean): number {
  return value ? 1 : 0;
}

/** JSON that this store wrote; `null` stays `null`. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text) as T;
}

export function jsonOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

export function fromJsonOrNull<T>(text: string | null): T | null {
  return text === null ? null : fromJson<T>(text);
}

/** Bytes as core holds them; PostgreSQL's driver answers with a Buffer over shared memory. */
export function bytes(value: Uint8Array): Uint8Array {
  return Uint8Array.from(value);
}

/** Letter case as the columns `name_folded` have it. */
export function folded(text: string): string {
  return text.toLowerCase();
}

/** `column like %text%`, where what is special in a pattern stands for itself. */
export function contains(column: string, text: string): RawBuilder<boolean> {
  const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
  return sql<boolean>`${sql.ref(column)} like ${pattern} escape '\\'`;
}

/** An update that found no row would be lost in silence. */
export function requireOne(affected: bigint, what: string): void {
  if (affected !== 1n) throw new Error(`the store has no such ${what}`);
}
