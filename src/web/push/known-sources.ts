import { type Source, USE_NOTED_EVERY_MS } from '../../store/port/port.ts';
import { digestOf, looksLikeSourceToken } from '../access/secrets.ts';
import { HttpError } from '../api/problem.ts';
import type { Failures } from '../api/route.ts';
import type { WebBackend } from '../port/backend.ts';

/** So many sources are remembered. */
const MOST_KNOWN = 1_000;

/** The source of a token that was shown. */
export interface ShownSource {
  source: Source;
  /** Of the token: the store queues nothing for a source that was removed. */
  digest: string;
  /** Throws `401` when the source was removed. What is not queued has to ask: the source may be one that is remembered. */
  check(): Promise<void>;
}

/** Finds the source of a token. Throws `401`, and `429` for who has tried too often. */
export type FindSource = (token: string | null, address: string) => Promise<ShownSource>;

/**
 * See {@link FindSource}. A source never changes and is removed seldom, so those that have pushed are remembered: whether
 * one is still there, the step that queues its push sees.
 */
export function createKnownSources(
  { store, clock }: Pick<WebBackend, 'store' | 'clock'>,
  failures: Failures,
): FindSource {
  /** By the digests of their tokens. */
  const known = new Map<string, Source>();

  async function lookUp(digest: string | null, isShown: boolean, address: string): Promise<Source> {
    const source = digest === null ? null : await store.access.source(digest);
    if (source) return source;
    // A store that was replaced has other tokens.
    store.changes();
    failures.check(address);
    if (isShown) failures.failed(address);
    throw new HttpError(401, 'not-logged-in', 'the token of the source is wrong, removed or missing', {
      hint: 'wxagent source add <name>',
    });
  }

  return async (token, address) => {
    const digest = token !== null && looksLikeSourceToken(token) ? digestOf(token) : null;
    const before = digest === null ? undefined : known.get(digest);
    const source = before ?? (await lookUp(digest, token !== null, address));
    const { name, lastUsedAtMs } = source;
    const nowMs = clock.now();
    const isNoted = lastUsedAtMs !== null && nowMs - lastUsedAtMs < USE_NOTED_EVERY_MS;
    if (!isNoted) await store.access.noteSourceUse({ name, nowMs });
    if (!isNoted || !before) {
      if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value as string);
      known.set(digest as string, isNoted ? source : { ...source, lastUsedAtMs: nowMs });
    }
    return {
      source,
      digest: digest as string,
      async check() {
        if (!before) return;
        known.delete(digest as string);
        await lookUp(digest, true, address);
      },
    };
  };
}
