import type { ChatMessage } from '../../page/chat/message.ts';
import { gist } from '../../page/chat/message.ts';
import { chatWords } from '../../page/chat/words.ts';
import type { Shown } from '../world/world.ts';
import { phoneWords } from './words.ts';
import { isOwner, linesByUser } from './world.ts';

/** A user in short: what is before the sign of WeChat. */
export function nameOf(user: string): string {
  if (isOwner(user)) return phoneWords().owner;
  const name = user.replace(/@im\.wechat$/, '').replace(/\s+/g, ' ');
  return name.length > 24 ? `${name.slice(0, 23)}…` : name;
}

/** The newest messages of a user's chat, not more than `most`. */
export function messagesOf(user: string, most: number): ChatMessage[] {
  const own = linesByUser.value.get(user) ?? [];
  const byId = new Map(own.map((line) => [line.messageId, line]));
  return own.slice(-most).map((line) => messageOf(line, byId));
}

/** The last message that a user has seen; null: none yet. */
export function lastMessageOf(user: string): ChatMessage | null {
  const line = linesByUser.value.get(user)?.findLast(({ hidden }) => hidden === null);
  return line ? messageOf(line, new Map()) : null;
}

function messageOf(line: Shown, byId: ReadonlyMap<string | null, Shown>): ChatMessage {
  const words = phoneWords();
  const { kinds } = chatWords();
  const isMine = line.from === 'user';
  const url =
    line.media && line.messageId !== null
      ? `/_sim/file?messageId=${encodeURIComponent(line.messageId)}`
      : null;
  const quoted = line.quote === null ? undefined : byId.get(line.quote);
  return {
    n: line.n,
    isMine,
    author: isMine ? nameOf(line.user) : words.bot,
    timeMs: line.timeMs,
    kind: line.kind === 'tool' ? 'other' : line.kind,
    text: line.text,
    fileName: line.fileName,
    sizeBytes: line.sizeBytes,
    url,
    soundUrl: url && `${url}&as=wav`,
    grey: line.grey,
    unseen: line.hidden === null ? null : (words.hidden[line.hidden] ?? line.hidden),
    quote: quoted ? gist(messageOf(quoted, new Map()), kinds) : line.quote === null ? null : '…',
    id: line.messageId,
  };
}
