import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TurnFolders } from '../agents/port.ts';
import { reasonOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

/** The folders of one turn: made when an agent asks for them, removed when it has ended. */
export type FolderMaker = (seq: number, user: string) => { make(): TurnFolders; remove(): void };

/** Folders of the turns of one account; `keep` leaves them behind (`--keep-files`). */
export function createFolderMaker(options: {
  /** Where the folders of turns lie. */
  turns: string;
  /** The folder a user keeps between turns. */
  state: (user: string) => string;
  keep: boolean;
  log: Log;
}): FolderMaker {
  const known = new Set<string>();
  return (seq, user) => {
    const base = join(options.turns, String(seq));
    let made = false;
    return {
      make() {
        made = true;
        // What an attempt that was killed has left there is no part of this one's answer.
        rmSync(base, { recursive: true, force: true });
        const folders = { media: join(base, 'in'), reply: join(base, 'reply'), state: options.state(user) };
        mkdirSync(folders.media, { recursive: true, mode: 0o700 });
        mkdirSync(folders.reply, { recursive: true, mode: 0o700 });
        if (!known.has(user)) {
          mkdirSync(folders.state, { recursive: true, mode: 0o700 });
          known.add(user);
        }
        return folders;
      },
      remove() {
        if (!made || options.keep) return;
        // At once: a run that ends, or the next attempt, would come in between.
        try {
          rmSync(base, { recursive: true, force: true });
        } catch (error) {
          options.log.debug(`cannot remove ${base}: ${reasonOf(error)}`);
        }
      },
    };
  };
}
