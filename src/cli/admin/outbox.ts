import { WxError } from '../../core/errors.ts';
import { type PartView, scheduledId, scheduledSeq, TERMINAL } from '../../store/port/port.ts';
import { partShown, scheduledShown } from '../../views/part.ts';
import { chooseAccount } from '../account/choose-account.ts';
import { withStore } from '../account/store.ts';
import { stateShown, type Words, wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { excerpt } from '../terminal/excerpt.ts';
import { localMinute } from '../terminal/local-time.ts';
import { table } from '../terminal/table.ts';

const TEXT_COLUMNS = 50;

/** What has become of a part that was to be dropped. */
const OUTCOMES: Partial<Record<string, string>> = {
  expired: 'Dropped.',
  unconfirmed: 'Dropped; but it was sent before without an answer, so it may have arrived.',
  confirmed: 'It was sent already: the server has confirmed it.',
};

/** `wxagent outbox list`: parts without a final verdict, oldest first. */
export async function listOutbox(context: CommandContext): Promise<void> {
  const account = chooseAccount(context);
  return withStore(context, async ({ outbox, scheduled }) => {
    const parts = await outbox.openParts(account.key);
    const later = await scheduled.scheduled(account.key);
    if (context.json)
      context.printJson('outbox', { parts: parts.map(partShown), scheduled: later.map(scheduledShown) });
    else if (parts.length + later.length === 0) context.say('Nothing is queued.');
    if (!context.json) {
      const words = wordsOf(context.language);
      const rows = later.map(({ seq, user, text, atMs }) => [
        scheduledId(seq),
        localMinute(atMs),
        user,
        stateShown(words, { state: 'scheduled', reason: null }),
        excerpt(text, TEXT_COLUMNS),
      ]);
      context.show(...table([...parts.map((part) => rowOf(part, words)), ...rows]));
    }
  });
}

/** `wxagent outbox drop <id>`: takes a part that waits out of the outbox for good. */
export async function dropFromOutbox(context: CommandContext, [id = '']: string[]): Promise<void> {
  const account = chooseAccount(context);
  return withStore(context, async ({ outbox, scheduled }) => {
    const seq = scheduledSeq(id);
    if (seq !== null) {
      const nowMs = context.clock.now();
      if (!(await scheduled.unschedule({ account: account.key, seq, by: TERMINAL, nowMs })))
        throw new WxError('not-found', `no unsent message ${id}`, { hint: 'wxagent outbox' });
      if (context.json) context.printJson('outbox', { parts: [], scheduled: [] });
      else context.say('Dropped.');
      return;
    }
    const part = (await outbox.openParts(account.key)).find(
      (one) => String(one.seq) === id || one.clientId === id,
    );
    if (!part) throw new WxError('not-found', `no unsent message ${id}`, { hint: 'wxagent outbox' });
    const seqs = [part.seq];
    const drop = {
      account: account.key,
      seqs,
      reason: 'dropped',
      exceptSending: true,
      by: TERMINAL,
      nowMs: context.clock.now(),
    };
    const [dropped] = await outbox.dropParts(drop);
    if (dropped?.state === 'sending') {
      throw new WxError('busy', `part ${id} is being sent just now and cannot be taken back`, {
        hint: 'wxagent outbox',
      });
    }
    if (context.json && dropped) context.printJson('outbox', { parts: [partShown(dropped)], scheduled: [] });
    else context.say(OUTCOMES[dropped?.state ?? ''] ?? `It is ${dropped?.state} already.`);
  });
}

function rowOf(part: PartView, words: Words): string[] {
  return [
    String(part.seq),
    localMinute(part.createdAtMs),
    part.user,
    stateShown(words, part),
    part.file
      ? `[${words.kinds[part.kind] ?? part.kind}: ${part.file.name}]`
      : excerpt(part.text, TEXT_COLUMNS),
  ];
}
