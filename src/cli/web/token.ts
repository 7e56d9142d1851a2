import { WxError } from '../../core/errors.ts';
import { isName } from '../../core/name.ts';
import { withValues } from '../../settings/resolve-settings.ts';
import { TERMINAL } from '../../store/port/port.ts';
import { tokenShown } from '../../views/access.ts';
import { timeShown } from '../../views/account.ts';
import { addCode, addToken } from '../../web/access/grants.ts';
import { chooseAccount, knownAccounts } from '../account/choose-account.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';
import { checkUser } from '../send/recipient.ts';
import { minuteOrDash } from '../terminal/local-time.ts';
import { table } from '../terminal/table.ts';
import { makeSource } from './source.ts';

/** `wxagent token list`: the tokens of the API, without their secrets. */
export async function listTokens(context: CommandContext): Promise<void> {
  return withStore(context, async ({ access }) => {
    const tokens = await access.tokens();
    if (context.json) return context.printJson('tokens', { tokens: tokens.map(tokenShown) });
    if (tokens.length === 0) context.say('No tokens.', 'hint: wxagent token add <name> --scope read');
    const rows = tokens.map((token) => [
      token.name,
      token.scope,
      token.account ?? '*',
      token.user ?? '*',
      minuteOrDash(token.expiresAtMs),
      minuteOrDash(token.lastUsedAtMs),
    ]);
    context.show(...table(rows));
  });
}

/** `wxagent token add <name> --scope <scope>`: makes a token and shows it, once. */
export async function makeToken(context: CommandContext, [name = '']: string[]): Promise<void> {
  const { tokenScope, tokenTo, expires, account } = context.settings;
  if (!isName(name))
    throw new WxError('usage', `a token is named with letters, digits, "_", "." and "-", not "${name}"`);
  if (tokenScope === null)
    throw new WxError('usage', 'a token needs a scope: read, send, push or admin', {
      hint: `wxagent token add ${name} --scope read`,
    });
  if (tokenScope === 'push') {
    // What may only push is a source: it belongs to one account, and `source` lists and removes it.
    if (expires !== null)
      throw new WxError('usage', 'a token that may push has no --expires: it is that of a source', {
        hint: `wxagent token add ${name} --scope push`,
      });
    return makeSource({ ...context, settings: withValues(context.settings, { sourceTo: tokenTo }) }, [name]);
  }
  if (tokenTo === '') throw new WxError('usage', '--to needs a user', { hint: 'wxagent status' });
  if (expires === 0) throw new WxError('usage', '--expires takes a time to come', { hint: '--expires 90d' });
  const only = account.length === 0 ? null : chooseAccount(context);
  const keys = only === null ? knownAccounts(context).map(({ key }) => key) : [only.key];
  return withStore(context, async ({ access, admin }) => {
    if (tokenTo !== null) await checkUser(admin, keys, tokenTo);
    const nowMs = context.clock.now();
    const { token, text } = await addToken(access, {
      name,
      scope: tokenScope,
      account: only?.key ?? null,
      user: tokenTo,
      expiresAtMs: expires === null ? null : nowMs + expires,
      by: TERMINAL,
      nowMs,
    });
    if (context.json) return context.printJson('token', { token: text, ...tokenShown(token) });
    context.print(text);
    context.say('This token is shown only now: keep it where its program finds it.');
  });
}

/** `wxagent token remove <name>`: from now on nobody gets in with it. */
export async function removeToken(context: CommandContext, [name = '']: string[]): Promise<void> {
  return withStore(context, async ({ access }) => {
    if (!(await access.removeToken({ name, by: TERMINAL, nowMs: context.clock.now() })))
      throw new WxError('not-found', `there is no token "${name}"`, { hint: 'wxagent token' });
    context.say(`The token ${name} is removed.`);
  });
}

/** `wxagent token code`: a one-time code by which a browser comes in. */
export async function makeCode(context: CommandContext): Promise<void> {
  return withStore(context, async ({ access }) => {
    const { code, expiresAtMs } = await addCode(access, { by: TERMINAL, nowMs: context.clock.now() });
    if (context.json) return context.printJson('code', { code, expiresAt: timeShown(expiresAtMs) });
    context.print(code);
    context.say('It opens the page of wxagent web once, within 10 minutes.');
  });
}
