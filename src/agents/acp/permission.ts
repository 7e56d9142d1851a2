import type {
  PermissionOption,
  RequestPermissionRequest,
  RequestPermissionResponse,
} from '@agentclientprotocol/sdk';
import type { ChatLanguage } from '../../core/language.ts';
import { terminalText } from '../../core/terminal.ts';
import type { TurnContext } from '../port.ts';
import { isObject } from '../reply-line.ts';
import { consentOf } from './consent.ts';

/** What happens when an agent wants to do something it needs permission for (`--permission`). */
export type PermissionPolicy = 'allow' | 'deny' | 'ask';

/** How long a person has for an answer, however often they are asked. */
const ASK_MS = 5 * 60_000;

/** Longest description of what the agent wants; of a longer one the question says how much is missing. */
const MAX_WHAT_CHARS = 1_500;

/** Gives permissions in one turn, and asks its user one question at a time. */
export interface Permissions {
  /** Answers an agent's request. Never rejects. */
  decide(request: RequestPermissionRequest): Promise<RequestPermissionResponse>;
}

/** See {@link Permissions}; what was decided is told through `tell`. */
export function createPermissions(options: {
  policy: PermissionPolicy;
  ask: TurnContext['ask'];
  language: ChatLanguage;
  /** Aborted when the turn ends. */
  signal: AbortSignal;
  tell(line: string): void;
}): Permissions {
  const { policy, language, signal } = options;
  let asked: Promise<unknown> = Promise.resolve();
  const over = new Promise<false>((resolve) => {
    if (signal.aborted) resolve(false);
    else signal.addEventListener('abort', () => resolve(false), { once: true });
  });

  async function ask(what: string): Promise<boolean> {
    const until = performance.now() + ASK_MS;
    for (let question = questionOf(what, language); ; question = AGAIN[language]) {
      const leftMs = until - performance.now();
      if (leftMs <= 0 || signal.aborted) return false;
      const answer = await options.ask(question, Math.ceil(leftMs));
      const consent = answer === null ? false : consentOf(answer);
      if (consent !== null) return consent;
    }
  }

  return {
    async decide({ toolCall, options: choices }) {
      const what = whatOf(toolCall);
      const answer = policy === 'ask' ? asked.then(() => ask(what)) : Promise.resolve(policy === 'allow');
      asked = answer;
      const isAllowed = await Promise.race([answer, over]);
      // A turn that has ended takes its questions along, and its agent may wait for that.
      if (signal.aborted) return { outcome: { outcome: 'cancelled' } };
      options.tell(
        `${isAllowed ? 'allowed' : 'denied'} (--permission ${policy}): ${what.replace(/\s+/g, ' ')}`,
      );
      const choice = chosen(choices, isAllowed);
      return { outcome: choice ? { outcome: 'selected', optionId: choice } : { outcome: 'cancelled' } };
    },
  };
}

/** The option that says yes or no, for this once where there is one: a yes in a chat is no yes for good. */
function chosen(choices: readonly PermissionOption[], isAllowed: boolean): string | undefined {
  const kinds = isAllowed ? ['allow_once', 'allow_always'] : ['reject_once', 'reject_always'];
  const [choice] = kinds.flatMap((wanted) => choices.filter(({ kind }) => kind === wanted));
  return choice?.optionId;
}

/** What the agent wants, as it says it, with the command or the files where the title does not name them. */
function whatOf({ title, name, kind, rawInput, locations }: RequestPermissionRequest['toolCall']): string {
  const words = [title ?? name ?? kind ?? 'something it does not name'];
  const add = (more: string): void => void (words.some((word) => word.includes(more)) || words.push(more));
  const command = isObject(rawInput) ? rawInput.command : undefined;
  if (typeof command === 'string') add(command);
  else if (Array.isArray(command)) add(command.join(' '));
  for (const { path } of locations ?? []) add(path);
  return terminalText(words.join('\n')).trim();
}

function questionOf(what: string, language: ChatLanguage): string {
  const minutes = ASK_MS / 60_000;
  const more = what.length - MAX_WHAT_CHARS;
  const shown = what.slice(0, MAX_WHAT_CHARS).replace(/\p{Surrogate}$/u, '');
  return language === 'zh'
    ? `🔐 智能体请求权限：\n${shown}${more > 0 ? `\n……（还有 ${more} 个字符）` : ''}\n是否允许？请回复“是”或“否”（y/n），${minutes} 分钟内不回复视为拒绝。`
    : `🔐 The agent wants to do this:\n${shown}${more > 0 ? `\n... (${more} more characters)` : ''}\nAllow it? Answer y or n within ${minutes} minutes; no answer means no.`;
}

const AGAIN: Record<ChatLanguage, string> = {
  zh: '请回复“是”或“否”（y/n，或 1/2）；不回复视为拒绝。',
  en: 'Please answer y or n (or 1 or 2); no answer means no.',
};
