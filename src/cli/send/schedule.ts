import { WxError } from '../../core/errors.ts';
import { parseWhen } from '../../core/time/when.ts';
import { type Scheduled, type ScheduledText, scheduledId } from '../../store/port/port.ts';
import { codeBlock } from '../../text/code-block.ts';
import { timeShown } from '../../views/account.ts';
import type { ToSend } from '../../web/port/backend.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';
import { localMinute } from '../terminal/local-time.ts';
import type { SendContent } from './send-content.ts';
import { checkIsFor } from './send-queue.ts';
import { findTarget } from './target.ts';

/** `send --at`: keeps a text for later. The runner sends it. */
export async function schedule(
  context: CommandContext,
  at: string,
  { text, files }: SendContent,
): Promise<number> {
  const { sendFormat, id, key, ttl, hold, strict } = context.settings;
  if (text === null || files.length > 0)
    throw new WxError('usage', '--at takes a text: files are sent at once');
  if (!hold || strict) throw new WxError('usage', '--at goes without --no-hold and --strict');
  const nowMs = context.clock.now();
  const atMs = parseWhen(at, '--at', nowMs);
  return withStore(context, async ({ admin, scheduled }) => {
    const target = await findTarget(context, admin);
    const kept = await keepForLater(scheduled, {
      account: target.key,
      user: target.user,
      text,
      form: sendFormat,
      atMs,
      key,
      id,
      ttlMs: ttl,
      nowMs,
    });
    if (context.json) {
      const { seq, user } = kept;
      context.printJson('scheduled', {
        account: target.id,
        ...{ user, id: scheduledId(seq), at: timeShown(kept.atMs), exit: 0 },
      });
    } else if (context.io.stderrIsTerminal) {
      context.say(`to be sent at ${localMinute(kept.atMs)} by wxagent run (${scheduledId(kept.seq)})`);
    }
    return 0;
  });
}

/** Keeps a text until its time, in the form in which it is sent. */
export async function keepForLater(
  scheduled: Pick<Scheduled, 'schedule'>,
  { form, text, ...rest }: Omit<Parameters<Scheduled['schedule']>[0], 'format'> & { form: ToSend['form'] },
): Promise<ScheduledText> {
  const kept = await scheduled.schedule({
    ...rest,
    text: form === 'code' ? codeBlock(text) : text,
    format: form === 'wechat' ? 'wechat' : 'raw',
  });
  checkIsFor(rest.user, [kept]);
  return kept;
}
