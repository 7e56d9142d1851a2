import type { MediaSource } from '../core/media.ts';
import { decodeRaw, readInbound } from '../ilink/inbound.ts';
import type { CommandContext } from './context.ts';
import { chooseAccount, openHomeStore } from './home.ts';
import { filesShown } from './message-files.ts';
import { excerpt, table } from './table.ts';

/** Messages shown when no `--since` says how far back. */
const USUAL_LIMIT = 200;
const NO_LIMIT = -1;
const TEXT_COLUMNS = 60;

/** `wxagent messages`: what has come in, oldest first, and what became of it. */
export async function messages(context: CommandContext): Promise<number> {
  const { user, since } = context.settings(['user', 'since']);
  const account = chooseAccount(context);
  const store = openHomeStore(context);
  try {
    const sinceMs = since === null ? null : context.clock.now() - since;
    const found = await store.messages({
      account: account.key,
      user,
      sinceMs,
      limit: since === null ? USUAL_LIMIT : NO_LIMIT,
    });
    const read = found.map((message) => {
      const { text, media, unknownItems } = readInbound(decodeRaw(message.raw));
      return { ...message, text, media, unknownItems };
    });
    if (context.json) {
      context.printJson('messages', {
        messages: read.map(({ id, user, state, reason, detail, kind, text, ...message }) => ({
          id,
          user,
          state,
          reason,
          detail,
          kind,
          text,
          time: new Date(message.receivedAtMs).toISOString(),
          attempt: message.attempt,
          unknownItems: message.unknownItems,
        })),
      });
      return 0;
    }
    if (read.length === 0) context.io.err('No messages.\n');
    context.io.out(
      table(
        read.map((message) => [
          new Date(message.receivedAtMs).toLocaleString(),
          message.id,
          message.reason === null ? message.state : `${message.state} (${message.reason})`,
          kindOf(message),
          contentOf(message),
        ]),
      ),
    );
    return 0;
  } finally {
    await store.close();
  }
}

/** Its text and its files; a sound that WeChat has heard is its text. */
function contentOf({ text, media }: { text: string; media: MediaSource[] }): string {
  const files = filesShown(media.filter(({ transcript }) => transcript === null));
  return [...(text === '' ? [] : [excerpt(text, TEXT_COLUMNS)]), ...files].join(' ');
}

/** The kind, and what is beside it that nobody here can read. */
function kindOf({ kind, unknownItems }: { kind: string; unknownItems: string[] }): string {
  const types = unknownItems.join(', ');
  if (types === '') return kind;
  return kind === 'unknown' ? `unknown (type ${types})` : `${kind} + unknown (type ${types})`;
}
