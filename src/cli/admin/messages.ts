import { reasonOf, WxError } from '../../core/errors.ts';
import type { MediaSource } from '../../core/message/media.ts';
import type { Inbox } from '../../store/port/port.ts';
import { messageShown, readMessage } from '../../views/message.ts';
import { chooseAccount } from '../account/choose-account.ts';
import { withStore } from '../account/store.ts';
import { stateShown, type Words, wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { excerpt } from '../terminal/excerpt.ts';
import { localMinute } from '../terminal/local-time.ts';
import { filesShown } from '../terminal/message-files.ts';
import { table } from '../terminal/table.ts';

/** Messages shown when no `--since` says how far back; with `--follow`, before the first new one. */
const USUAL_LIMIT = 200;
const FOLLOWED_LIMIT = 10;
const PAGE = 200;
const TEXT_COLUMNS = 60;
/** How often `--follow` looks whether something has come. */
const LOOK_EVERY_MS = 250;

type Message = ReturnType<typeof readMessage>;

/** `wxagent messages`: what has come in, oldest first, and what became of it. */
export async function messages(context: CommandContext): Promise<void> {
  const { user, since, grep, follow } = context.settings;
  const account = chooseAccount(context);
  const pattern = grep === null ? null : patternOf(grep);
  return withStore(context, async ({ inbox, changes }) => {
    const fromMs = since === null ? null : context.clock.now() - since;
    const limit = since !== null ? Number.POSITIVE_INFINITY : follow ? FOLLOWED_LIMIT : USUAL_LIMIT;
    const about = { account: account.key, user, fromMs, pattern };
    // Before the first look, so that what comes during it is seen.
    const change = changes();
    let seen = change(account.key);
    const first = await search(inbox, { ...about, afterSeq: 0, limit });
    show(context, first.found, !follow);
    if (!follow) return;
    let { newest } = first;
    const stop = context.stopSignal();
    while (!stop.aborted) {
      await context.clock.sleep(LOOK_EVERY_MS, stop);
      const now = changes()(account.key);
      if (stop.aborted || now === seen) continue;
      seen = now;
      const more = await search(inbox, { ...about, afterSeq: newest, limit: Number.POSITIVE_INFINITY });
      newest = Math.max(newest, more.newest);
      if (more.found.length > 0) show(context, more.found, false);
    }
  });
}

/** The newest messages that match, oldest first, and the number of the newest of all; page by page, since texts are long. */
async function search(
  inbox: Pick<Inbox, 'messagePage'>,
  how: {
    account: string;
    user: string | null;
    fromMs: number | null;
    pattern: RegExp | null;
    afterSeq: number;
    limit: number;
  },
): Promise<{ found: Message[]; newest: number }> {
  const { pattern, afterSeq, limit, ...about } = how;
  const found: Message[] = [];
  let newest = afterSeq;
  let beforeSeq: number | null = null;
  for (;;) {
    const most = pattern === null ? Math.min(PAGE, limit - found.length) : PAGE;
    const page = await inbox.messagePage({ ...about, toMs: null, beforeSeq, limit: most });
    newest = Math.max(newest, page[0]?.seq ?? 0);
    for (const one of page.filter(({ seq }) => seq > afterSeq)) {
      const message = readMessage(one);
      if (found.length < limit && (pattern === null || pattern.test(searched(message)))) found.push(message);
    }
    const last = page.at(-1);
    if (page.length < most || !last || last.seq <= afterSeq || found.length >= limit)
      return { found: found.reverse(), newest };
    beforeSeq = last.seq;
  }
}

/** What `--grep` looks through: the text, and the names of files. */
function searched({ text, media }: Message): string {
  return [text, ...media.map(({ name }) => name ?? '')].join('\n');
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, 'iu');
  } catch (error) {
    throw new WxError('usage', `--grep takes a regular expression, not "${text}": ${reasonOf(error)}`);
  }
}

function show(context: CommandContext, found: readonly Message[], saysNone: boolean): void {
  if (context.json) {
    if (saysNone || found.length > 0) context.printJson('messages', { messages: found.map(messageShown) });
    return;
  }
  if (found.length === 0 && saysNone) context.say('No messages.');
  const words = wordsOf(context.language);
  const rows = found.map((message) => [
    localMinute(message.receivedAtMs),
    message.id,
    stateShown(words, message),
    kindOf(message, words),
    contentOf(message, words),
  ]);
  context.show(...table(rows));
}

/** Its text and its files; a voice message with a transcript is shown as text. */
function contentOf({ text, media }: { text: string; media: MediaSource[] }, words: Words): string {
  const files = filesShown(
    media.filter(({ transcript }) => transcript === null),
    words,
  );
  return [...(text === '' ? [] : [excerpt(text, TEXT_COLUMNS)]), ...files].join(' ');
}

/** The kind, and the types of items that this version cannot read. */
function kindOf({ kind, unknownItems }: { kind: string; unknownItems: string[] }, words: Words): string {
  const types = unknownItems.join(words.comma);
  const known = words.kinds[kind] ?? kind;
  if (types === '') return known;
  return kind === 'unknown' ? words.unknownKind(types) : `${known} + ${words.unknownKind(types)}`;
}
