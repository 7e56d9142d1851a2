import { dirname, join, resolve } from 'node:path';
import { WxError } from '../../core/errors.ts';
import { thisProcess } from '../../home/claimant.ts';
import { createCredentials } from '../../home/credentials.ts';
import { makeFolder } from '../../home/make-folder.ts';
import type { CommandContext } from '../port/context.ts';
import { inWords, named, placeInSettings } from './backup.ts';
import { openMovable } from './store-migrate.ts';

/** `wxagent restore <file>`: fills an empty store from a backup. */
export async function restore(context: CommandContext, [given]: string[]): Promise<void> {
  const { clock } = context;
  const name = named('restore', given);
  const isStream = name === '-';
  if (isStream && context.io.stdinIsTerminal)
    throw new WxError('usage', 'a backup is not typed', { hint: 'wxagent restore - <file' });
  const path = isStream ? name : resolve(context.cwd, name);
  const { openBackup } = await import('../../store/restore.ts');
  const { ownFile } = await import('../../store/backup.ts');
  const signal = context.stopSignal();
  const place = await placeInSettings(context);
  try {
    const source = await openBackup(path, {
      clock,
      chunks: isStream ? context.io.stdin() : null,
      async copyAt() {
        const folder = dirname(place.paths.database);
        makeFolder(folder);
        return ownFile(join(folder, 'restore'), '.db');
      },
    });
    const { note, counts, hasDigest } = source;
    try {
      const to = await openMovable(context, place, 'target');
      try {
        const { checkHasNotLeft } = await import('../../store/transfer/move-state.ts');
        await to.steps.read(() => checkHasNotLeft(to.name));
        const { move } = await import('../../store/transfer/move-store.ts');
        await move(source.movable, to, {
          signal,
          async onMoved({ table }) {
            if (table === 'logins') await restoreSettings(context, note.settings);
          },
        });
      } finally {
        if (!place.server) await to.steps.close();
      }
    } finally {
      await source.close();
    }
    const { madeAt } = note;
    if (context.json) context.printJson('restore', { file: path, madeAt, ...counts, hasDigest });
    else context.show(`${place.name}: ${context.translate(inWords(counts))}`);
    if (!hasDigest)
      context.say(
        'The backup has no digest: an older wxagent wrote it. Whether its content is as it was written is not known.',
      );
    context.say(
      `What came after ${madeAt} is not in it. The store that was backed up must not run any more: two receivers of one login lose messages to each other.`,
    );
  } finally {
    await place.server?.close();
  }
}

/** Settings that the home has stay. */
async function restoreSettings(context: CommandContext, settings: Record<string, unknown>): Promise<void> {
  const { paths, clock, file } = context;
  const credentials = createCredentials({ paths, me: thisProcess(), clock });
  for (const [name, value] of Object.entries(settings))
    if (!Object.hasOwn(file.settings, name)) await credentials.set(name, value);
}
