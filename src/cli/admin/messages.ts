import type { MediaSource } from '../../core/message/media.ts';
import { messageShown, readMessage } from '../../views/message.ts';
import { chooseAccount } from '../account/choice.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../command/context.ts';
import { stateShown, type Words, wordsOf } from '../i18n/language.ts';
import { excerpt } from '../terminal/excerpt.ts';
import { localMinute } from '../terminal/local-time.ts';
import { filesShown } from '../terminal/message-files.ts';
import { table } from '../terminal/table.ts';

/** Messages shown when no `--since` says how far back. */
const USUAL_LIMIT = 200;
const NO_LIMIT = Number.MAX_SAFE_INTEGER;
const TEXT_COLUMNS = 60;

/** `wxagent messages`: what has come in, oldest first, and what became of it. */
export async function messages(context: CommandContext): Promise<number> {
  const { user, since } = context.settings(['user', 'since']);
  const account = chooseAccount(context);
  return withStore(context, async ({ inbox }) => {
    const sinceMs = since === null ? null : context.clock.now() - since;
    const found = await inbox.messages({
      account: account.key,
      user,
      sinceMs,
      limit: since === null ? USUAL_LIMIT : NO_LIMIT,
    });
    const read = found.map(readMessage);
    if (context.json) {
      context.printJson('messages', { messages: read.map(messageShown) });
      return 0;
    }
    if (read.length === 0) context.say('No messages.');
    const words = wordsOf(context.language);
    context.show(
      ...table(
        read.map((message) => [
          localMinute(new Date(message.receivedAtMs)),
          message.id,
          stateShown(words, message),
          kindOf(message, words),
          contentOf(message, words),
        ]),
      ),
    );
    return 0;
  });
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
