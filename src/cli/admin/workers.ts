import type { WorkerView } from '../../store/workers/worker-rows.ts';
import { timeShown } from '../../views/account.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { table } from '../terminal/table.ts';

/** `wxagent workers`: the processes that receive messages from one server of a store, and how many accounts each has. */
export async function workers(context: CommandContext): Promise<void> {
  const { server, json } = context;
  if (!server) {
    if (!json)
      context.say('One machine serves an SQLite store; who serves which account:', 'hint: wxagent status');
    return;
  }
  const views = await server.workers();
  if (json) {
    for (const view of views) context.printJson('worker', workerShown(view));
    return;
  }
  if (views.length === 0) context.say('No process receives messages.', 'hint: wxagent run --all-accounts');
  const words = wordsOf(context.language);
  const rows = views.map(({ worker, host, pid, version, accounts, lagMs, state }) => [
    worker,
    host,
    String(pid),
    version,
    words.accounts(accounts),
    words.renewed(Math.round(lagMs / 1_000)),
    words.workerStates[state],
  ]);
  context.show(...table(rows));
}

/** A worker as programs are shown it. */
export function workerShown(view: WorkerView) {
  const { worker: id, name, host, pid, version, purpose, state, accounts, capacity, lagMs } = view;
  const startedAt = timeShown(view.startedAtMs);
  return { id, name, host, pid, version, purpose, state, accounts, capacity, startedAt, lagMs };
}
