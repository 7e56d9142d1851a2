import type { ChatCommand, ChatText } from '../../store/port/port.ts';

/** Every chat command and its names, as people write them behind the slash. */
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
 * Reads a text as its owner means it: `/stop` and the like are for wxagent, in either language, whatever the case;
 * words behind them change nothing, but those behind `/new` are for the agent. `//x` gives the agent `/x`. All
 * else, unknown commands too, is for the agent.
 */
export function readChatText(text: string): ChatText {
  const escaped = ESCAPE.exec(text);
  if (escaped) return { command: null, agentFrom: escaped[0].length };
  const found = COMMAND.exec(text);
  const command = found && BY_NAME.get((found[1] as string).toLowerCase());
  if (!found || !command) return { command: null, agentFrom: 0 };
  const isWhole = command !== 'new' || found[0].length === text.length;
  return { command, agentFrom: isWhole ? null : found[0].length };
}
