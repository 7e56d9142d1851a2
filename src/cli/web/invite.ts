import { networkInterfaces } from 'node:os';
import { WxError } from '../../core/errors.ts';
import { isOnThisMachine } from '../../core/http/this-machine.ts';
import { isName } from '../../core/name.ts';
import { runningWebServers } from '../../home/web-servers.ts';
import { resolveSetting } from '../../settings/resolve-settings.ts';
import { TERMINAL } from '../../store/port/port.ts';
import { invitationShown } from '../../views/access.ts';
import { addInvitation } from '../../web/access/grants.ts';
import { parseListen, parsePublicUrl } from '../../web/guard/listen-address.ts';
import { knownAccounts } from '../account/choose-account.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';
import { localMinute } from '../terminal/local-time.ts';
import { table } from '../terminal/table.ts';

/** `wxagent invite list`: the invitations, without their tokens. */
export async function listInvitations(context: CommandContext): Promise<void> {
  return withStore(context, async ({ access }) => {
    const nowMs = context.clock.now();
    const found = await access.invitations();
    if (context.json)
      return context.printJson('invitations', {
        invitations: found.map((one) => invitationShown(one, nowMs)),
      });
    if (found.length === 0) context.say('No invitations.', 'hint: wxagent invite add <name>');
    const rows = found.map((one) => [
      one.name,
      invitationShown(one, nowMs).state,
      localMinute(one.createdAtMs),
      localMinute(one.usedAtMs ?? one.expiresAtMs),
    ]);
    context.show(...table(rows));
  });
}

/** `wxagent invite add <name>`: makes an invitation and shows its link, once. */
export async function makeInvitation(context: CommandContext, [name = '']: string[]): Promise<void> {
  const { inviteExpires } = context.settings;
  if (!isName(name))
    throw new WxError(
      'usage',
      `an invitation is named with letters, digits, "_", "." and "-", not "${name}"`,
    );
  if (!inviteExpires) throw new WxError('usage', '--expires takes a time to come', { hint: '--expires 3d' });
  const { origin, isRunning } = whereItLeads(context);
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
    if (context.json)
      return context.printJson('invitation', { link, token, ...invitationShown(invitation, nowMs) });
    context.print(link);
    context.say('This link is shown only now. Whoever opens it can add one account, while wxagent web runs.');
    const { hostname } = new URL(origin);
    if (!isRunning)
      context.say(`No wxagent web runs here now: the link is right if it will be at ${origin}.`);
    if (isOnThisMachine(hostname))
      context.say(
        `Only this machine reaches ${origin}.`,
        'hint: wxagent invite add <name> --public-url <url>',
      );
  });
}

/** Where the link leads: to what is named, to the server that runs here, or to where one would. */
function whereItLeads(context: CommandContext): { origin: string; isRunning: boolean } {
  const { listen, publicUrl } = context.settings;
  if (publicUrl !== null) return { origin: parsePublicUrl(publicUrl), isRunning: true };
  const [running] = runningWebServers(context.paths);
  const isNamed = resolveSetting('listen', context.sources).origin === 'flag';
  const { host, port } = parseListen(listen, '--listen');
  if (running && !isNamed) {
    const { publicOrigin, url } = running;
    return { origin: publicOrigin ?? reachable(url), isRunning: true };
  }
  const origin = reachable(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
  return { origin, isRunning: isNamed || running !== undefined };
}

/** The same origin by an address of this machine, where the server listens on all of them. */
function reachable(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  if (!['0.0.0.0', '[::]'].includes(hostname)) return url;
  const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  const own = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  return `${protocol}//${own?.address ?? '127.0.0.1'}${port === '' ? '' : `:${port}`}`;
}

/** `wxagent invite remove <name>`: from now on its link opens nothing. */
export async function removeInvitation(context: CommandContext, [name = '']: string[]): Promise<void> {
  return withStore(context, async ({ access }) => {
    const removed = await access.removeInvitation({ name, by: TERMINAL, nowMs: context.clock.now() });
    if (removed === null)
      throw new WxError('not-found', `there is no invitation "${name}"`, { hint: 'wxagent invite' });
    context.say(`The invitation ${name} is removed.`);
  });
}
