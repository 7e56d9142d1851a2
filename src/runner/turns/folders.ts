import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TurnFolders } from '../../agents/port/port.ts';
import { reasonOf } from '../../core/errors.ts';
import { digest } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import { makeFolder } from '../../home/make-folder.ts';

/**
 * The folders of one turn: made when they are first asked for, removed when it has ended. `paths` only says where
 * they would be, and makes the user's own.
 */
export type FolderMaker = (
  seq: number,
  user: string,
  sessionId: string,
) => { make(): TurnFolders; paths(): TurnFolders; remove(): void };

/** Marks a folder that was left behind on purpose. */
const KEPT = '.kept';

const NAME_CHARS = 32;

/**
 * Folders of the turns of one account, of which no turn may run yet: what a run that was killed has left is removed.
 * `keep` leaves them behind (`--keep-files`), for later runs too.
 */
export function createFolderMaker(options: {
  /** Where the folders of turns lie. */
  turns: string;
  /** The folder a user keeps between turns. */
  state: (user: string) => string;
  /**
   * Where what users send lies as long as their sessions, for agents that remember: in a folder of the user, one of
   * the session. Null: with its turn.
   */
  sessions: string | null;
  keep: boolean;
  log: Log;
}): FolderMaker {
  const known = new Set<string>();
  if (!options.keep) {
    for (const name of foldersIn(options.turns)) {
      const base = join(options.turns, name);
      if (!existsSync(join(base, KEPT))) remove(base, options.log);
    }
  }
  /** The session each user is in, by their folders. */
  const current = new Map<string, string>();

  /** The folder of a session; those that the user has left are removed. */
  function sessionFolder(sessions: string, user: string, sessionId: string): string {
    const own = join(sessions, digest(user).slice(0, NAME_CHARS));
    if (current.get(own) !== sessionId && !options.keep) {
      for (const name of foldersIn(own)) if (name !== sessionId) remove(join(own, name), options.log);
    }
    current.set(own, sessionId);
    return join(own, sessionId);
  }

  return (seq, user, sessionId) => {
    let told: { base: string; folders: TurnFolders } | null = null;
    const paths = (): TurnFolders => {
      if (told) return told.folders;
      const base = join(options.turns, String(seq));
      const { sessions } = options;
      const media = sessions === null ? join(base, 'in') : sessionFolder(sessions, user, sessionId);
      const folders = { media, reply: join(base, 'reply'), state: options.state(user) };
      told = { base, folders };
      // What an attempt that was killed has left there is no part of this one's answer.
      if (existsSync(base)) rmSync(base, { recursive: true, force: true });
      if (!known.has(user)) {
        makeFolder(folders.state);
        known.add(user);
      }
      return folders;
    };
    return {
      paths,
      make() {
        const folders = paths();
        makeFolder(folders.media);
        makeFolder(folders.reply);
        return folders;
      },
      remove() {
        if (!told || !existsSync(told.base)) return;
        if (options.keep) mark(told.base, options.log);
        else remove(told.base, options.log);
      },
    };
  };
}

function foldersIn(turns: string): string[] {
  try {
    return readdirSync(turns);
  } catch {
    return []; // none yet
  }
}

function mark(base: string, log: Log): void {
  try {
    writeFileSync(join(base, KEPT), '', { mode: 0o600 });
  } catch (error) {
    log.debug(`cannot mark ${base} as kept: ${reasonOf(error)}`);
  }
}

/** At once: a run that ends, or the next attempt, would come in between. */
function remove(base: string, log: Log): void {
  try {
    rmSync(base, { recursive: true, force: true });
  } catch (error) {
    log.debug(`cannot remove ${base}: ${reasonOf(error)}`);
  }
}
