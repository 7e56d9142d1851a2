import { WxError } from '../../core/errors.ts';
import { shownDuration } from '../../core/units.ts';
import type { Account } from '../../home/config-file.ts';
import type { Expectation, Store } from '../../store/port/port.ts';
import { timeShown } from '../../views/account.ts';
import { chooseAccount } from '../account/choose-account.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';
import { checkUser } from '../send/recipient.ts';
import { localMinute, minuteOrDash } from '../terminal/local-time.ts';
import { table } from '../terminal/table.ts';

/** Keys are short words: they stand in a table and in a chat. */
const KEY_CHARS = 100;
/** More often nobody looks. */
const LEAST_MS = 60_000;

/** `wxagent expect list`: what is expected, and what is missing. */
export function listExpected(context: CommandContext): Promise<void> {
  return withExpected(context, async (_, account, { expected }) => {
    const all = await expected.expectations(account.key);
    if (context.json) return;
    if (all.length === 0) context.say('Nothing is expected.');
    context.show(...table(all.map((one) => rowOf(context, one))));
  });
}

/** `wxagent expect <key> --every 26h`: tells a user when no text with this key has come for so long. */
export function addExpected(context: CommandContext, [key = '']: string[]): Promise<void> {
  const { every, to } = context.settings;
  if (key === '' && every === null) return listExpected(context);
  if (key.trim() === '' || [...key].length > KEY_CHARS || /\p{Cc}/u.test(key))
    throw new WxError('usage', `a key is a text of at most ${KEY_CHARS} characters, not "${key}"`);
  if (every === null)
    throw new WxError('usage', 'expect needs --every: how long the key may be silent', {
      hint: `wxagent expect ${key} --every 26h`,
    });
  if (every < LEAST_MS)
    throw new WxError(
      'usage',
      `--every takes at least ${shownDuration(LEAST_MS)}, not ${shownDuration(every)}`,
    );
  return withExpected(context, async (nowMs, account, { admin, expected }) => {
    if (to !== null) await checkUser(admin, [account.key], to);
    await expected.expect({ account: account.key, key, user: to, everyMs: every, nowMs });
    context.say(`"${key}" is expected every ${shownDuration(every)}. A runner has to watch: wxagent run.`);
  });
}

/** `wxagent expect remove <key>`. */
export function removeExpected(context: CommandContext, [key = '']: string[]): Promise<void> {
  return withExpected(context, async (_, account, { expected }) => {
    if (!(await expected.unexpect({ account: account.key, key })))
      throw new WxError('not-found', `"${key}" is not expected`, { hint: 'wxagent expect' });
    context.say(`"${key}" is no longer expected.`);
  });
}

async function withExpected(
  context: CommandContext,
  work: (nowMs: number, account: Account, store: Store) => Promise<void>,
): Promise<void> {
  const account = chooseAccount(context);
  return withStore(context, async (store) => {
    await work(context.clock.now(), account, store);
    if (!context.json) return;
    const all = await store.expected.expectations(account.key);
    context.printJson('expected', {
      account: account.id,
      expected: all.map(({ key, user, everyMs, sinceMs, lastSeenAtMs, missingSinceMs }) => ({
        ...{ key, user, everyMs },
        since: timeShown(sinceMs),
        lastSeenAt: timeShown(lastSeenAtMs),
        missingSince: timeShown(missingSinceMs),
      })),
    });
  });
}

function rowOf(context: CommandContext, one: Expectation): string[] {
  const { key, everyMs, lastSeenAtMs, missingSinceMs } = one;
  const last = minuteOrDash(lastSeenAtMs);
  const missing =
    missingSinceMs === null ? '' : context.translate(`missing since ${localMinute(missingSinceMs)}`);
  return [key, shownDuration(everyMs), last, missing];
}
