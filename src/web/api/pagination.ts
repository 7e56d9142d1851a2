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

/** Whether one of these texts contains what is looked for, in any case. */
export function hasText(wanted: string, ...texts: readonly (string | null)[]): boolean {
  const small = wanted.toLowerCase();
  return texts.some((text) => text?.toLowerCase().includes(small));
}

/** The first of what was found, and from where the search goes on: behind them, or from `next`. */
export function firstOf<T extends { seq: number }>(
  found: readonly T[],
  limit: number,
  next: number | null,
): { page: T[]; before: number | null } {
  const page = found.slice(0, limit);
  return { page, before: found.length > limit ? (page.at(-1)?.seq ?? null) : next };
}
