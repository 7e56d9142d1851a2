import { existsSync } from 'node:fs';
import { BUDGET_MESSAGES } from '../../core/message/wechat-limits.ts';
import type { Account } from '../../home/config-file.ts';
import type { Store } from '../../store/port/port.ts';
import { accountShown } from '../../views/account.ts';
import { chooseAccounts, loginHint } from '../account/choose-account.ts';
import { pollerOf } from '../account/polling-right.ts';
import { openHomeStore } from '../account/store.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { deafSentence } from '../terminal/deaf-sentence.ts';
import { localMinute } from '../terminal/local-time.ts';

/** `wxagent status`: who is logged in, who runs, what waits, and how much may still be sent. */
export async function status(context: CommandContext): Promise<void> {
  const accounts = chooseAccounts(context, true);
  // Looking must not create anything.
  const exists = context.server?.exists ?? existsSync(context.paths.database);
  const store = exists ? await openHomeStore(context) : null;
  try {
    const reports = [];
    for (const account of accounts) reports.push(await report(context, account, store));
    if (context.json) context.printJson('status', { accounts: reports });
    else
      for (const [index, one] of reports.entries())
        context.show(...describe(context, one, toLogin(context, accounts[index] as Account)));
  } finally {
    await store?.close();
  }
}

/** Without the key of the logins, it is not known at which server the account is. */
function toLogin({ server }: CommandContext, account: Account): string {
  return server?.hasKey === false ? 'wxagent login' : loginHint(account);
}

type Report = Awaited<ReturnType<typeof report>>;

async function report(context: CommandContext, account: Account, store: Store | null) {
  const view = (await store?.admin.accountView(account.key)) ?? null;
  const holder = await pollerOf(context, account, store?.admin ?? null);
  return accountShown(account, view, holder?.purpose === 'serve' ? holder : null, context.clock.now());
}

function describe({ language, translate }: CommandContext, report: Report, howToLogin: string): string[] {
  const words = wordsOf(language);
  const { inbox, outbox, runner, login } = report;
  const name = report.name === null ? report.id : words.inDetail(report.name, report.id);
  const state = [words.login[login], runner ? words.running(runner.pid, runner.host) : words.notRunning];
  const received = [words.inbox(inbox), ...(inbox.unknown > 0 ? [words.unknownItems(inbox.unknown)] : [])];
  const lines = [
    `${name}${words.colon}${state.join(words.comma)}`,
    `  ${words.owner(report.owner)}${words.semicolon}${words.lastPoll(localOf(report.lastPollAt))}`,
    `  ${received.join(words.semicolon)}`,
    `  ${words.outbox(outbox)}`,
    ...report.users.map((user) => {
      const about = [
        words.lastWrote(user.id, localOf(user.lastMessageAt)),
        words.left(user.budgetLeft, BUDGET_MESSAGES),
      ];
      const asks = user.asksAt ? `${words.comma}${words.asksAt(localMinute(user.asksAt))}` : '';
      const hold = user.hold ? `${words.semicolon}${words.held(user.hold.parts, user.hold.reason)}` : '';
      return `  ${about.join(words.comma)}${asks}${hold}`;
    }),
  ];
  if (report.deaf) lines.push(`  ${translate(deafSentence({ ...report.deaf, account: report.id }))}`);
  if (login === 'expired') lines.push(`  ${words.hint}${howToLogin}`);
  else if (inbox.failed > 0) lines.push(`  ${words.hint}wxagent messages; wxagent retry --failed`);
  return lines;
}

function localOf(iso: string | null): string | null {
  return iso === null ? null : localMinute(iso);
}
