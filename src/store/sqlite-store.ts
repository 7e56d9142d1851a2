import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { BUDGET_MESSAGES } from '../core/verdict.ts';
import { markLogin, openAccount } from './accounts.ts';
import { createCommits } from './commits.ts';
import { openDatabase, storageError } from './database.ts';
import { type Claimant, claimPart, returnPart, settlePart } from './delivery.ts';
import { takeIn } from './inbox.ts';
import { appendParts, openParts, partView, usersToDeliver } from './outbox.ts';
import type { PartView, Store } from './port.ts';
import { migrate } from './schema.ts';
import { finishTurn, recover, retry, startTurn, unfinished } from './turns.ts';
import { accountView, isReachable, messages } from './views.ts';

/** Opens (and creates, folders included) the store at `path`. Throws WxError `storage`, or `config` for a newer schema. */
export function openStore(options: { path: string; clock: Clock; claimant: Claimant }): Store {
  const { path, clock, claimant } = options;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = openDatabase(path);
  migrate(database, path);
  const commits = createCommits(database, clock);
  const run: typeof commits.run = (step, durability) =>
    commits.run(step, durability).catch((error) => {
      throw storageError(path, error);
    });

  return {
    openAccount: (input) => run((db) => openAccount(db, input)),
    recover: (input) =>
      run((db) => {
        db.run('UPDATE users SET lease = NULL WHERE account = ? AND lease = ?', input.account, input.former);
        return recover(db, input);
      }),
    noteChild: ({ account, id, child }) =>
      run((db) => {
        db.run('UPDATE inbox SET child = ? WHERE account = ? AND id = ?', JSON.stringify(child), account, id);
      }),
    takeIn: (intake) => run((db) => takeIn(db, intake), intake.messages.length > 0 ? 'durable' : 'ordered'),
    notePoll: (input) =>
      run(
        (db) =>
          void db.run('UPDATE accounts SET last_poll_at = ? WHERE account = ?', input.nowMs, input.account),
      ),
    markLogin: (input) => run((db) => markLogin(db, input)),
    unfinished: async (account) => unfinished(database, account),
    startTurn: (input) => run((db) => startTurn(db, input)),
    finishTurn: (input) =>
      run(
        (db) => {
          const ended = finishTurn(db, input);
          return {
            claim:
              ended && input.claim && input.parts.length > 0 ? claimPart(db, input.claim, claimant) : null,
          };
        },
        input.parts.length > 0 ? 'durable' : 'ordered',
      ),
    retry: (input) => run((db) => retry(db, input), 'durable'),
    enqueue: (request) =>
      run((db) => appendParts(db, request).map((seq) => partView(db, seq) as PartView), 'durable'),
    usersToDeliver: async (account) => usersToDeliver(database, account),
    claimPart: (terms) => run((db) => claimPart(db, terms, claimant)),
    settlePart: (input) => run((db) => settlePart(db, input)),
    returnPart: (input) => run((db) => returnPart(db, input)),
    parts: async (seqs) => seqs.map((seq) => partView(database, seq)).filter((view) => view !== undefined),
    openParts: async (account) => openParts(database, account),
    reachable: async (input) =>
      isReachable(database, input.account, input.user, BUDGET_MESSAGES, input.nowMs),
    contextToken: async (input) =>
      (database.one(
        'SELECT context_token FROM users WHERE account = ? AND user = ?',
        input.account,
        input.user,
      )?.context_token as string | null | undefined) ?? null,
    accountView: async (account) => accountView(database, account),
    messages: async (input) => messages(database, input),
    changes: () => Number(database.one('PRAGMA data_version')?.data_version ?? 0),
    async close() {
      await commits.idle();
      database.close();
    },
  };
}
