import { WxError } from '../../core/errors.ts';
import type { Account } from '../../home/config-file.ts';
import { type Admin, TERMINAL } from '../../store/port/port.ts';
import { chooseAccount } from '../account/choose-account.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';
import { localMinute } from '../terminal/local-time.ts';
import { table } from '../terminal/table.ts';

/** `wxagent allow list`: users that may write to the bot besides the owner; those of `run --allow` are not listed. */
export function listAllowed(context: CommandContext): Promise<void> {
  return withList(context, async (admin, account) => {
    const users = await admin.allowed(account.key);
    if (context.json) return;
    if (users.length === 0) context.say('Only the owner.');
    context.show(...table(users.map(({ user, sinceMs }) => [user, localMinute(sinceMs)])));
  });
}

/** `wxagent allow add <user>`: allows a user permanently; a running `run` notices with their next message. */
export function allowUser(context: CommandContext, [user = '']: string[]): Promise<void> {
  if (user === '' || /\s/.test(user)) {
    throw new WxError('usage', `no such user: ${user}`, { hint: 'wxagent messages --json' });
  }
  return withList(context, async (admin, account) => {
    await admin.setAllowed({ account: account.key, user, allowed: true, ...asked(context) });
    context.say(`${user} is allowed to write to ${account.id}.`);
  });
}

/** `wxagent allow remove <user>`: stops allowing a user. */
export function disallowUser(context: CommandContext, [user = '']: string[]): Promise<void> {
  return withList(context, async (admin, account) => {
    const entry = { account: account.key, user, allowed: false, ...asked(context) };
    if (!(await admin.setAllowed(entry))) {
      throw new WxError('not-found', `${user} is not on the list of ${account.id}`, {
        hint: 'wxagent allow',
      });
    }
    context.say(`${user} is no longer allowed to write to ${account.id}.`);
  });
}

function asked({ clock }: CommandContext) {
  return { by: TERMINAL, nowMs: clock.now() };
}

/** Looks at the list of the chosen account, or changes it; with `--json` it is printed as it is then. */
async function withList(
  context: CommandContext,
  work: (admin: Admin, account: Account) => Promise<void>,
): Promise<void> {
  const account = chooseAccount(context);
  return withStore(context, async ({ admin }) => {
    await work(admin, account);
    if (!context.json) return;
    const users = await admin.allowed(account.key);
    context.printJson('allow', {
      account: account.id,
      users: users.map(({ user, sinceMs }) => ({ id: user, since: new Date(sinceMs).toISOString() })),
    });
  });
}
