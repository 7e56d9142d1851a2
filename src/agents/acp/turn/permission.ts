import type {
  PermissionOption,
  RequestPermissionRequest,
  RequestPermissionResponse,
} from '@agentclientprotocol/sdk';
import { consentOf } from '../../../core/message/consent.ts';
import type { ChatLanguage } from '../../../core/message/language.ts';
import { untilAborted } from '../../../core/time/event-loop.ts';
import type { TurnContext } from '../../port/port.ts';

/**
 * What happens when an agent wants to do something it needs permission for (`--permission`). With `ask` and `deny` its
 * sessions are put into a mode in which it asks; with `agent` it stays in its own, and what it asks goes to the chat.
 */
export type PermissionPolicy = 'allow' | 'deny' | 'ask' | 'agent';

/** How long a person has for an answer, however often they are asked; less where the turn ends before. */
const ASK_MS = 5 * 60_000;

/** Gives permissions in one turn, and asks its user one question at a time. What it returns never rejects. */
export function createPermissions(options: {
  policy: PermissionPolicy;
  ask: TurnContext['ask'];
  language: ChatLanguage;
  /** Aborted when the turn ends. */
  signal: AbortSignal;
  /** How long the turn may go on. */
  leftMs(): number;
  /** What a call of a tool would do, in words. */
  describe(call: Record<string, unknown>, language: ChatLanguage): string;
  /** A permission was not given. */
  onDenied(): void;
  tell(line: string): void;
}): (request: RequestPermissionRequest) => Promise<RequestPermissionResponse> {
  const { policy, language, signal } = options;
  let asked: Promise<unknown> = Promise.resolve();
  const over = untilAborted(signal);

  async function ask(what: string): Promise<boolean> {
    const limitMs = Math.min(ASK_MS, options.leftMs());
    const until = performance.now() + limitMs;
    for (let question = questionOf(what, limitMs, language); ; question = AGAIN[language]) {
      const leftMs = until - performance.now();
      if (leftMs <= 0 || signal.aborted) return false;
      const answer = await options.ask(question, Math.ceil(leftMs));
      const consent = answer === null ? false : consentOf(answer);
      if (consent !== null) return consent;
    }
  }

  return async ({ toolCall, options: choices }) => {
    const isAsked = policy === 'ask' || policy === 'agent';
    const answer = isAsked
      ? asked.then(() => ask(options.describe(toolCall, language)))
      : Promise.resolve(policy === 'allow');
    asked = answer;
    const isAllowed = (await Promise.race([answer, over])) === true;
    // A turn that has ended takes its questions along, and its agent may wait for that.
    if (signal.aborted) return { outcome: { outcome: 'cancelled' } };
    const what = options.describe(toolCall, 'en').replace(/\s+/g, ' ');
    options.tell(`${isAllowed ? 'allowed' : 'denied'} (--permission ${policy}): ${what}`);
    if (!isAllowed) options.onDenied();
    const choice = chosen(choices, isAllowed);
    return { outcome: choice ? { outcome: 'selected', optionId: choice } : { outcome: 'cancelled' } };
  };
}

/** The option that says yes or no, for this once where there is one: a yes in a chat is no yes for good. */
function chosen(choices: readonly PermissionOption[], isAllowed: boolean): string | undefined {
  const kinds = isAllowed ? ['allow_once', 'allow_always'] : ['reject_once', 'reject_always'];
  const [choice] = kinds.flatMap((wanted) => choices.filter(({ kind }) => kind === wanted));
  return choice?.optionId;
}

function questionOf(what: string, limitMs: number, language: ChatLanguage): string {
  const minutes = Math.round(limitMs / 60_000);
  const [time, inChinese] =
    minutes > 1
      ? [`${minutes} minutes`, `${minutes} 分钟`]
      : [`${Math.ceil(limitMs / 1_000)} seconds`, `${Math.ceil(limitMs / 1_000)} 秒`];
  return language === 'zh'
    ? `🔐 智能体请求权限：\n${what}\n是否允许？请回复“是”或“否”（y/n），${inChinese}内不回复视为拒绝。`
    : `🔐 The agent wants to do this:\n${what}\nAllow it? Answer y or n within ${time}; no answer means no.`;
}

const AGAIN: Record<ChatLanguage, string> = {
  zh: '请回复“是”或“否”（y/n，或 1/2）；不回复视为拒绝。',
  en: 'Please answer y or n (or 1 or 2); no answer means no.',
};
