import type { Store } from '../store/port/port.ts';

/** Saves content that cannot be stored any more: hands it out as lines of JSON, for people to keep. */
export interface Rescue {
  /** Writes one line, once. */
  line(line: string): void;
  /** Writes what a lost store has: messages that are not finished, and parts that are not sent. */
  storedContent(): Promise<void>;
}

/** See {@link Rescue}. */
export function createRescue(options: {
  account: string;
  store: Pick<Store, 'inbox' | 'outbox'>;
  write: (line: string) => void;
}): Rescue {
  const { account, store, write } = options;
  const written = new Set<string>();

  function line(line: string): void {
    if (!written.has(line)) write(line);
    written.add(line);
  }

  return {
    line,
    async storedContent() {
      for (const { raw } of await store.inbox.unfinishedContent(account)) line(raw.toString('utf8'));
      for (const { user, clientId, text, file } of await store.outbox.openParts(account)) {
        line(JSON.stringify({ unsent: { user, clientId, text, file: file?.path ?? null } }));
      }
    },
  };
}
