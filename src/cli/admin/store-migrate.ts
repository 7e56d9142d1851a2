import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { WxError } from '../../core/errors.ts';
import { thisClaimant } from '../../home/claimant.ts';
import { readConfigFile } from '../../home/config-file.ts';
import { resolveSetting } from '../../settings/resolve-settings.ts';
import type { Movable, Moved } from '../../store/transfer/move-store.ts';
import { livingPoller } from '../account/poller-lock.ts';
import { loginsOf, type StorePlace, storePlace } from '../account/store-place.ts';
import type { CommandContext } from '../port/context.ts';
import { table } from '../terminal/table.ts';

/** `wxagent store migrate`: moves everything that a store has to another one. */
export async function migrateStore(context: CommandContext): Promise<void> {
  const { moveFrom, moveTo, moveCancel } = context.settings;
  checkOptions(context, { moveFrom, moveTo, moveCancel });
  const opened: { close(): Promise<void> }[] = [];

  /** Opens a side; whatever was opened is closed in the end. */
  async function place(given: string | null, where: string): Promise<StorePlace> {
    const found = await storePlace(context, given, where);
    if (found.server) opened.push(found.server);
    return found;
  }
  async function movable(found: StorePlace, side: 'source' | 'target'): Promise<Movable> {
    const store = await openMovable(context, found, side);
    if (!found.server) opened.push(store.steps);
    return store;
  }

  try {
    const source = await place(moveFrom, '--from');
    if (!source.server) checkIsThere(source, 'wxagent store migrate --from <store>');
    if (moveCancel) {
      const { cancelMove } = await import('../../store/transfer/move-store.ts');
      await cancelMove(await movable(source, 'source'));
      context.say(`The move was given up: ${source.name} can be served again.`);
      return;
    }
    const target = await place(moveTo, '--to');
    const { move } = await import('../../store/transfer/move-store.ts');
    const compared: Moved[] = [];
    const from = await movable(source, 'source');
    await move(from, await movable(target, 'target'), {
      signal: context.stopSignal(),
      onMoved(moved) {
        compared.push(moved);
        if (context.json) context.printJson('migrate', moved);
      },
    });
    if (!context.json) {
      context.show(...table(compared.map((one) => [one.table, String(one.rows), one.digest.slice(0, 16)])));
    }
    tellWhatIsNext(context, source, target);
  } finally {
    for (const one of opened.reverse()) await one.close();
  }
}

function checkOptions(
  context: CommandContext,
  { moveFrom, moveTo, moveCancel }: { moveFrom: string | null; moveTo: string | null; moveCancel: boolean },
): void {
  const hint = 'wxagent store migrate --to postgres://user@host/database';
  if (resolveSetting('store', context.sources).origin === 'flag')
    throw new WxError('usage', 'store migrate takes --from and --to instead of --store', { hint });
  if (moveCancel && moveTo !== null)
    throw new WxError('usage', '--cancel goes with --from, and not with --to', {
      hint: 'wxagent store migrate --cancel',
    });
  if (!moveCancel && moveFrom === null && moveTo === null)
    throw new WxError('usage', 'store migrate needs --from, --to or both', { hint });
}

/** Opening a file would make one. Throws WxError `not-found`. */
export function checkIsThere({ name, paths }: StorePlace, hint: string): void {
  if (existsSync(paths.database) || readConfigFile(paths.config).accounts.length > 0) return;
  throw new WxError('not-found', `there is no store in ${name}`, { hint });
}

/** Opens a side of a move. The steps of a file are to be closed; those of a server are closed with it. */
export async function openMovable(
  context: CommandContext,
  place: StorePlace,
  side: 'source' | 'target',
): Promise<Movable> {
  return place.server ? place.server.openToMove(side) : openFile(context, place);
}

async function openFile(context: CommandContext, { name, paths }: StorePlace): Promise<Movable> {
  const { clock } = context;
  const here = { ...context, paths, server: null };
  const claimant = thisClaimant();
  const { openFileToMove } = await import('../../store/sqlite-store.ts');
  const { filesInFolders } = await import('../../store/transfer/copy-files.ts');
  const { servedInFile } = await import('../../store/transfer/who-serves.ts');
  const steps = openFileToMove({ path: paths.database, reserve: paths.reserve, clock, claimant, wait: null });
  return {
    name,
    dialect: 'sqlite',
    steps,
    logins: loginsOf(here),
    files: filesInFolders((account) => resolve(context.cwd, paths.media('out', account))),
    loginsAt: paths.config,
    served: () => servedInFile(claimant, clock.now(), (account, noted) => livingPoller(here, account, noted)),
  };
}

/** What does not move, and what is to be used from now on. */
function tellWhatIsNext(context: CommandContext, source: StorePlace, target: StorePlace): void {
  context.say(`Everything is at ${target.name} now, and the same. ${source.name} is not served any more.`);
  const { paths } = source;
  const isHome = !target.server && target.name !== target.paths.database;
  context.say(`hint: wxagent run ${isHome ? '--home' : '--store'} ${target.name}`);
  const agents = dirname(dirname(paths.agentState('any', 'any')));
  if (existsSync(agents)) context.say(`the state of agents stays on this machine, in ${agents}`);
}
