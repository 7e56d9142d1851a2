import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TurnFolders } from '../../agents/port/port.ts';
import { reasonOf } from '../../core/errors.ts';
import { digest } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import { makeFolder } from '../../home/make-folder.ts';

export interface TurnFolderSet {
  /** Makes the folders. */
  make(): TurnFolders;
  /** Where the folders are, or would be. Makes only the state folder of the user. */
  paths(): TurnFolders;
  /** Removes the folders of the turn when it has ended. The state folder stays. */
  remove(): void;
}

/** Names the folders of a turn. Nothing is made before an agent asks for it. */
export type FolderMaker = (seq: number, user: string, sessionId: string) => TurnFolderSet;

/** Marks a folder that `--keep-files` keeps. */
const KEPT = '.kept';

const NAME_CHARS = 32;

/** Makes the folders of turns, and removes those of a killed run: no turn may run yet. With `keep` folders stay. */
export function createFolderMaker(options: {
  /** The parent of the folders of turns. */
  turns: string;
  /** The folder that a user keeps between turns. */
  state: (user: string) => string;
  /** Where folders of sessions are, whose attachments stay as long. Null: attachments go with their turn. */
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
  /** The current session of each user, by the folder of the user. */
  const current = new Map<string, string>();

  /** The folder of a session. Removes those of earlier sessions. */
  function sessionFolder(sessions: string, user: string, sessionId: string): string {
    const own = join(sessions, digest(user).slice(0, NAME_CHARS));
    if (current.get(own) !== sessionId && !options.keep) {
      for (const name of foldersIn(own)) if (name !== sessionId) remove(join(own, name), options.log);
    }
    current.set(own, sessionId);
    return join(own, sessionId);
  }

  return (seq, user, sessionId) => {
    let named: { base: string; folders: TurnFolders } | null = null;
    const paths = (): TurnFolders => {
      if (named) return named.folders;
      const base = join(options.turns, String(seq));
      const { sessions } = options;
      const media = sessions === null ? join(base, 'in') : sessionFolder(sessions, user, sessionId);
      const folders = { media, reply: join(base, 'reply'), state: options.state(user) };
      named = { base, folders };
      // What a killed attempt has left is not part of this reply.
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
        if (!named || !existsSync(named.base)) return;
        if (options.keep) mark(named.base, options.log);
        else remove(named.base, options.log);
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

/** Synchronous: otherwise the run could end, or the next attempt start, in between. */
function remove(base: string, log: Log): void {
  try {
    rmSync(base, { recursive: true, force: true });
  } catch (error) {
    log.debug(`cannot remove ${base}: ${reasonOf(error)}`);
  }
}
