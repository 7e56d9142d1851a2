import { type Source, USE_NOTED_EVERY_MS } from '../../store/port/port.ts';
import { digestOf, looksLikeSourceToken } from '../access/secrets.ts';
import { openSecret } from '../access/source-secret.ts';
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
  /** What its pushes have to be signed with; null: nothing. */
  secret: string | null;
  /** Notes that it has pushed. */
  noteUse(): Promise<void>;
  /** Throws `401` when the source was removed. What is not queued has to ask: the source may be one that is remembered. */
  check(): Promise<void>;
}

/** Finds the source of a token. Throws `401`, and `429` for who has tried too often. */
export type FindSource = (token: string | null, address: string) => Promise<ShownSource>;

/** A source that has pushed. */
interface Known extends Pick<ShownSource, 'source' | 'digest' | 'secret'> {
  /** When its use was noted last. */
  notedMs: number | null;
}

/**
 * See {@link FindSource}. A source never changes and is removed seldom, so those that have pushed are remembered: whether
 * one is still there, the step that queues its push sees.
 */
export function createKnownSources(
  { store, clock }: Pick<WebBackend, 'store' | 'clock'>,
  failures: Failures,
): FindSource {
  /** By their tokens, whose digests take a while. */
  const known = new Map<string, Known>();

  async function lookUp(token: string | null, address: string): Promise<Known> {
    const digest = token !== null && looksLikeSourceToken(token) ? digestOf(token) : null;
    const source = digest === null ? null : await store.access.source(digest);
    if (source) {
      const { name, lastUsedAtMs: notedMs } = source;
      const secret = source.secret === null ? null : openSecret(token as string, name, source.secret);
      return { source, digest: digest as string, secret, notedMs };
    }
    // A store that was replaced has other tokens.
    store.changes();
    failures.check(address);
    if (token !== null) failures.failed(address);
    throw new HttpError(401, 'not-logged-in', 'the token of the source is wrong, removed or missing', {
      hint: 'wxagent source add <name>',
    });
  }

  function remember(token: string, found: Known): void {
    if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value as string);
    known.set(token, found);
  }

  return async (token, address) => {
    const before = token === null ? undefined : known.get(token);
    const found = before ?? (await lookUp(token, address));
    const { source, digest, secret } = found;
    if (!before) remember(token as string, found);
    return {
      source,
      digest,
      secret,
      async noteUse() {
        const nowMs = clock.now();
        if (found.notedMs !== null && nowMs - found.notedMs < USE_NOTED_EVERY_MS) return;
        await store.access.noteSourceUse({ name: source.name, nowMs });
        found.notedMs = nowMs;
      },
      async check() {
        if (!before) return;
        known.delete(token as string);
        await lookUp(token, address);
      },
    };
  };
}
