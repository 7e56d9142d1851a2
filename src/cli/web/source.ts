import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { codeOf, reasonOf, WxError } from '../../core/errors.ts';
import { isName } from '../../core/name.ts';
import { utf8Of } from '../../core/text-bytes.ts';
import { parseQuietHours } from '../../core/time/quiet-hours.ts';
import { TERMINAL } from '../../store/port/port.ts';
import { sourceShown } from '../../views/access.ts';
import { addSource } from '../../web/access/grants.ts';
import { parseLimit } from '../../web/access/source-limit.ts';
import { checkedTemplate } from '../../web/push/port/template.ts';
import { chooseAccount } from '../account/choose-account.ts';
import { withStore } from '../account/store.ts';
import { checkCommand } from '../agent/child.ts';
import type { CommandContext } from '../port/context.ts';
import { checkUser } from '../send/recipient.ts';
import { minuteOrDash } from '../terminal/local-time.ts';
import { table } from '../terminal/table.ts';

/** `wxagent source list`: the sources that may push, without their tokens. */
export async function listSources(context: CommandContext): Promise<void> {
  return withStore(context, async ({ access }) => {
    const sources = await access.sources();
    if (context.json) return context.printJson('sources', { sources: sources.map(sourceShown) });
    if (sources.length === 0) context.say('No sources.', 'hint: wxagent source add <name>');
    const rows = sources.map(({ name, account, user, title, secret, lastUsedAtMs }) => [
      name,
      account,
      user ?? '*',
      title ?? '-',
      secret === null ? '-' : context.translate('signed'),
      minuteOrDash(lastUsedAtMs),
    ]);
    context.show(...table(rows));
  });
}

/** How long a push may be unconfirmed, unless `--within` says so. */
const DEFAULT_WITHIN_MS = 10 * 60_000;

/** `wxagent source add <name>`: makes a source and shows its token, once. */
export async function makeSource(context: CommandContext, [name = '']: string[]): Promise<void> {
  const { sourceTo, sourceTitle, template, ttl, digest, sourceQuiet, sourceLimit, important } =
    context.settings;
  const { fallback: command, sourceWithin, sourceSecret } = context.settings;
  if (!isName(name))
    throw new WxError('usage', `a source is named with letters, digits, "_", "." and "-", not "${name}"`);
  if (sourceTo === '') throw new WxError('usage', '--to needs a user', { hint: 'wxagent status' });
  const checked = template === null ? null : checkedTemplate(readTemplate(template, context.cwd));
  const quietHours = sourceQuiet === null ? null : parseQuietHours(sourceQuiet, '--quiet-hours');
  const limit = sourceLimit === null ? null : parseLimit(sourceLimit, '--limit');
  if (command !== null) checkCommand(context, '--fallback', command);
  else if (sourceWithin !== null)
    throw new WxError('usage', '--within goes with --fallback', {
      hint: "wxagent source add nas --fallback './by-mail' --within 10m",
    });
  const account = chooseAccount(context);
  const secret = sourceSecret === null ? null : await readSecret(context, sourceSecret);
  return withStore(context, async ({ access, admin }) => {
    if (sourceTo !== null) await checkUser(admin, [account.key], sourceTo);
    const { source, token } = await addSource(access, {
      name,
      account: account.key,
      user: sourceTo,
      title: sourceTitle,
      template: checked,
      ttlMs: ttl,
      digestMs: digest ?? 0,
      limit,
      quietHours,
      isImportant: important,
      fallback: command === null ? null : { command, withinMs: sourceWithin ?? DEFAULT_WITHIN_MS },
      secret,
      by: TERMINAL,
      nowMs: context.clock.now(),
    });
    if (context.json) return context.printJson('source', { token, ...sourceShown(source) });
    context.print(token);
    context.say('This token is shown only now. Push to /push/<token> of wxagent web: see docs/push.md.');
  });
}

/** `wxagent source remove <name>`: from now on nobody can push with its token. */
export async function removeSource(context: CommandContext, [name = '']: string[]): Promise<void> {
  return withStore(context, async ({ access }) => {
    if (!(await access.removeSource({ name, by: TERMINAL, nowMs: context.clock.now() })))
      throw new WxError('not-found', `there is no source "${name}"`, { hint: 'wxagent source' });
    context.say(`The source ${name} is removed.`);
  });
}

/**
 * The secret in a file, or on stdin: everybody on the machine sees the words of a command. One end of line does not
 * count. Throws WxError.
 */
async function readSecret({ io, cwd }: CommandContext, given: string): Promise<string> {
  const hint = `printf %s "$SECRET" | wxagent source add ci --secret -`;
  if (given === '-' && io.stdinIsTerminal)
    throw new WxError('usage', '--secret - reads stdin, and that is a terminal', { hint });
  let bytes: Uint8Array;
  try {
    bytes = given === '-' ? await io.readStdin() : readFileSync(resolve(cwd, given));
  } catch (cause) {
    // Whoever has taken it for the secret does not see it again.
    throw new WxError('not-found', `the file of --secret cannot be read: ${codeOf(cause)}`, { hint, cause });
  }
  const text = utf8Of(bytes);
  if (text === null) throw new WxError('data', 'the secret is not UTF-8', { hint });
  return text.replace(/\r?\n$/, '');
}

/** The JSON of `--template`, or of the file behind an `@`. */
function readTemplate(given: string, cwd: string): string {
  if (!given.startsWith('@')) return given;
  const path = resolve(cwd, given.slice(1));
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WxError('not-found', `the template ${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
