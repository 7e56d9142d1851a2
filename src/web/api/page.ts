import type { Schema } from './schema.ts';

/** How much of a list is asked for, and from where. */
export const LIMIT: Readonly<Record<string, Schema>> = {
  limit: { type: 'integer', minimum: 1, maximum: 500, description: 'default 100' },
};
export const BEFORE: Readonly<Record<string, Schema>> = {
  before: { type: 'integer', minimum: 1, description: 'what the page before it ended with' },
};

/** The `limit` of a query. */
export function limitOf(query: Readonly<Record<string, string | number>>): number {
  return Number(query.limit ?? 100);
}

/** What gets the next page; null: this is the last one. */
export function pageOf(rows: readonly { seq: number }[], limit: number): number | null {
  return rows.length < limit ? null : (rows.at(-1)?.seq ?? null);
}
