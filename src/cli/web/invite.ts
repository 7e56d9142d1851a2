import { WxError } from '../../core/errors.ts';
import { TERMINAL } from '../../store/port/port.ts';
import { invitationShown } from '../../views/access.ts';
import { addInvitation } from '../../web/access/add-invitation.ts';
import { parseListen, parsePublicUrl } from '../../web/guard/place.ts';
import { knownAccounts } from '../account/choice.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../command/context.ts';
import { localMinute } from '../terminal/local-time.ts';
import { table } from '../terminal/table.ts';

/** `wxagent invite list`: the invitations, without their tokens. */
export async function listInvitations(context: CommandContext): Promise<number> {
  return withStore(context, async ({ access }) => {
    const nowMs = context.clock.now();
    const found = await access.invitations();
    if (context.json) {
      context.printJson('invitations', { invitations: found.map((one) => invitationShown(one, nowMs)) });
      return 0;
    }
    if (found.length === 0) context.say('No invitations.', 'hint: wxagent invite add <name>');
    context.show(
      ...table(
        found.map((one) => [
          one.name,
          invitationShown(one, nowMs).state,
          localMinute(new Date(one.createdAtMs)),
          localMinute(new Date(one.usedAtMs ?? one.expiresAtMs)),
        ]),
      ),
    );
    return 0;
  });
}

/** `wxagent invite add <name>`: makes an invitation and shows its link, once. */
export async function makeInvitation(context: CommandContext, [name = '']: string[]): Promise<number> {
  const { inviteExpires, listen, publicUrl } = context.settings(['inviteExpires', 'listen', 'publicUrl']);
  if (!/^[\p{L}\p{N}_.-]{1,64}$/u.test(name))
    throw new WxError(
      'usage',
      `an invitation is named with letters, digits, "_", "." and "-", not "${name}"`,
    );
  if (!inviteExpires) throw new WxError('usage', '--expires takes a time to come', { hint: '--expires 3d' });
  const { host, port } = parseListen(listen, '--listen');
  const origin =
    publicUrl === null
      ? `http://${host.includes(':') ? `[${host}]` : host}:${port}`
      : parsePublicUrl(publicUrl);
  return withStore(context, async ({ access }) => {
    const nowMs = context.clock.now();
    const { invitation, token, link } = await addInvitation(access, {
      name,
      expiresAtMs: nowMs + inviteExpires,
      names: knownAccounts(context).map((account) => account.name),
      origin,
      by: TERMINAL,
      nowMs,
    });
    if (context.json) {
      context.printJson('invitation', { link, token, ...invitationShown(invitation, nowMs) });
      return 0;
    }
    context.print(link);
    context.say('This link is shown only now. Whoever opens it can add one account, while wxagent web runs.');
    return 0;
  });
}

/** `wxagent invite remove <name>`: from now on its link opens nothing. */
export async function removeInvitation(context: CommandContext, [name = '']: string[]): Promise<number> {
  return withStore(context, async ({ access }) => {
    const removed = await access.removeInvitation({ name, by: TERMINAL, nowMs: context.clock.now() });
    if (removed === null)
      throw new WxError('not-found', `there is no invitation "${name}"`, { hint: 'wxagent invite' });
    context.say(`The invitation ${name} is removed.`);
    return 0;
  });
}
