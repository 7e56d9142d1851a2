import type { ChatCommand, ChatText } from '../../store/port/port.ts';

/** The names of every chat command, as users type them after the slash. */
export const CHAT_COMMANDS: Record<ChatCommand, { en: string; zh: string }> = {
  stop: { en: 'stop', zh: '停' },
  new: { en: 'new', zh: '新' },
  again: { en: 'again', zh: '重来' },
  status: { en: 'status', zh: '状态' },
  help: { en: 'help', zh: '帮助' },
};

const BY_NAME = new Map(
  Object.entries(CHAT_COMMANDS).flatMap(([command, { en, zh }]) => [
    [en, command as ChatCommand] as const,
    [zh, command as ChatCommand] as const,
  ]),
);

/** A slash of either width, a word, perhaps punctuation, and the end of the word. */
const COMMAND = /^\s*[/／]\s*(\p{Letter}+)\p{Punctuation}*(?:\s+|$)/u;
const ESCAPE = /^\s*[/／](?=[/／])/u;

/**
 * Finds a chat command in a text of the owner. Names are taken in either language, in any case and width. Words after a
 * command are ignored; only those after `/new` go to the agent. `//x` gives the agent `/x`. Every other text is for the
 * agent, unknown commands too.
 */
export function readChatText(text: string): ChatText {
  const escaped = ESCAPE.exec(text);
  if (escaped) return { command: null, agentFrom: escaped[0].length };
  const found = COMMAND.exec(text);
  const command = found && BY_NAME.get((found[1] as string).normalize('NFKC').toLowerCase());
  if (!found || !command) return { command: null, agentFrom: 0 };
  const isWhole = command !== 'new' || found[0].length === text.length;
  return { command, agentFrom: isWhole ? null : found[0].length };
}
