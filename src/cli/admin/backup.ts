import { existsSync, realpathSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { codeOf, reasonOf, WxError } from '../../core/errors.ts';
import { thisClaimant } from '../../home/claimant.ts';
import { makeFolder } from '../../home/make-folder.ts';
import { resolveSetting } from '../../settings/resolve-settings.ts';
import { type StorePlace, storePlace } from '../account/store-place.ts';
import type { CommandContext } from '../port/context.ts';
import { checkIsThere, openMovable } from './store-migrate.ts';

/** `wxagent backup <file>`: writes all that a store has to one file, while others use it. */
export async function backup(context: CommandContext, [given]: string[]): Promise<void> {
  const { cwd, clock, file } = context;
  const name = named('backup', given);
  const isStream = name === '-';
  if (isStream) checkStream(context);
  const { replaceFile } = context.settings;
  const place = await placeInSettings(context);
  const folder = dirname(place.paths.database);
  const path = isStream ? join(folder, 'backup') : resolve(cwd, name);
  try {
    if (!isStream) checkTarget(path, replaceFile, [place.paths.database, place.paths.config]);
    const hint = 'wxagent backup <file> --store <store>';
    if (!place.server) checkIsThere(place, hint);
    else if (!place.server.exists)
      throw new WxError('not-found', `there is no store in ${place.name}`, { hint });
    const from = await openMovable(context, place, 'source');
    const { ownFile, removeDatabase, writeBackup } = await import('../../store/backup.ts');
    // Of a killed process only this name is left.
    if (isStream) makeFolder(folder);
    const fresh = await ownFile(path, '.part');
    const signal = context.stopSignal();
    const { store: _, ...settings } = file.settings;
    const madeAt = new Date(clock.now()).toISOString();
    try {
      await create(fresh);
      const counts = await writeBackup(from, fresh, {
        clock,
        claimant: thisClaimant(),
        note: { madeAt, settings },
        check() {
          if (signal.aborted) throw new WxError('cancelled', 'the backup was stopped: there is no file');
        },
      });
      if (isStream) {
        const whole = await open(fresh, 'r');
        // Whatever becomes of the reader, nothing is left.
        await removeDatabase(fresh);
        await context.io.outAll(whole.createReadStream(), true);
        context.say(inWords(counts));
      } else {
        checkTarget(path, replaceFile, []);
        await rename(fresh, path);
        const bytes = statSync(path).size;
        if (context.json) context.printJson('backup', { file: path, madeAt, ...counts, bytes });
        else context.show(`${path}: ${context.translate(inWords(counts))}`);
      }
    } finally {
      await removeDatabase(fresh);
      if (!place.server) await from.steps.close();
    }
    context.say('It has tokens that are readable: keep it to yourself.');
  } finally {
    await place.server?.close();
  }
}

/** Throws WxError `usage` where a backup cannot go to stdout. */
function checkStream({ io, json }: CommandContext): void {
  if (json)
    throw new WxError('usage', 'with --json, a backup cannot go to stdout', {
      hint: 'wxagent backup --json <file>',
    });
  if (io.stdoutIsTerminal)
    throw new WxError('usage', 'a backup is not for a terminal', { hint: 'wxagent backup - >file' });
}

/** The file that a command was given. Throws WxError `usage` when there is none. */
export function named(command: string, file: string | undefined): string {
  if (file) return file;
  throw new WxError('usage', `${command} needs the path of a file`, { hint: `wxagent ${command} <file>` });
}

/** The store that the settings name, also one that cannot be used as it is. Nothing is written. */
export function placeInSettings(context: CommandContext): Promise<StorePlace> {
  const { value } = resolveSetting('store', context.sources);
  return storePlace(context, value === null ? null : String(value), '--store');
}

/** What is in a backup, as a sentence. */
export function inWords(counts: {
  accounts: number;
  messages: number;
  queued: number;
  files: number;
}): string {
  const { accounts, messages, queued, files } = counts;
  return `accounts ${accounts}, messages ${messages}, parts still to be sent ${queued}, their files ${files}`;
}

/** Throws WxError `cannot-create` for a file that is there, or that may not be replaced. */
function checkTarget(path: string, canReplace: boolean, own: readonly string[]): void {
  if (!existsSync(path)) return;
  if (!statSync(path).isFile())
    throw new WxError('cannot-create', `${path} is no file`, { hint: 'wxagent backup <file>' });
  const isOwn = own.some((one) => existsSync(one) && realpathSync(one) === realpathSync(path));
  if (isOwn)
    throw new WxError('cannot-create', `${path} is the store itself`, {
      hint: 'wxagent backup <another file>',
    });
  if (!canReplace)
    throw new WxError('cannot-create', `${path} is there already`, {
      hint: `wxagent backup --force ${path}`,
    });
}

async function create(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (cause) {
    const kind = ['ENOSPC', 'EDQUOT'].includes(codeOf(cause)) ? 'storage' : 'cannot-create';
    throw new WxError(kind, `cannot write in ${dirname(path)}: ${reasonOf(cause)}`, {
      hint: `ls -ld ${dirname(path)}`,
      cause,
    });
  }
}
