import type { RequestError, StopReason } from '@agentclientprotocol/sdk';
import { reasonOf, WxError } from '../../../core/errors.ts';
import type { ChatLanguage } from '../../../core/message/language.ts';
import type { Outcome, ReplyPiece } from '../../../core/message/message.ts';
import { isObject } from '../../../core/object.ts';
import { cutUtf8 } from '../../../core/text-bytes.ts';
import { withStderr } from '../../child/output/stderr.ts';
import { failed, replyOf, shortage } from '../../reply/outcomes.ts';
import { type AcpConnection, AcpStartError } from '../connection/connection.ts';
import { AUTH_REQUIRED } from '../session/sessions.ts';

/** Longest quotation of an agent's error in a reason. */
const DETAIL_BYTES = 300;

/** Ends a reply that the agent broke off. */
const CUT_SHORT: Record<ChatLanguage, string> = {
  en: '(The agent stopped here: it has reached its limit.)',
  zh: '（智能体到达上限，回答到此为止。）',
};

/** Ends a reply of an agent that has not done what it was told to. */
const NOT_DONE: Record<'denied' | 'cancelled', Record<ChatLanguage, string>> = {
  denied: { en: '(It was not done: permission was not given.)', zh: '（没有执行：没有得到许可。）' },
  cancelled: { en: '(It was not done: the agent stopped before.)', zh: '（没有完成：智能体中途停止了。）' },
};

/** What a finished prompt comes to. `isDenied`: a permission was not given, and the agent has said nothing since. */
export function outcomeOfStop(
  stopReason: StopReason,
  pieces: ReplyPiece[],
  isDenied: boolean,
  language: ChatLanguage,
): Outcome {
  // We have cancelled nothing: whoever wrote waits for an answer.
  const undone = isDenied ? 'denied' : stopReason === 'cancelled' ? 'cancelled' : null;
  switch (stopReason) {
    case 'max_tokens':
    case 'max_turn_requests':
      if (pieces.length > 0) return { kind: 'reply', pieces: [...pieces, { text: CUT_SHORT[language] }] };
      return failed('exit', `it stopped before it answered: ${stopReason}`);
    case 'refusal':
      if (pieces.length === 0) return failed('exit', 'it refused to answer');
  }
  return replyOf(undone === null ? pieces : withLine(pieces, NOT_DONE[undone][language]));
}

/** A line at the end of the last text: a message of its own would cost one of those that are left. */
function withLine(pieces: ReplyPiece[], line: string): ReplyPiece[] {
  const last = pieces.at(-1);
  if (!last || !('text' in last)) return [...pieces, { text: line }];
  return [...pieces.slice(0, -1), { text: `${last.text}\n\n${line}` }];
}

/** What an agent that could not be started comes to: again later, unless another try would end the same way. */
export function outcomeOfStart(error: unknown): Outcome {
  const detail = `agent not started: ${reasonOf(error)}`;
  if (error instanceof AcpStartError && error.passes) return shortage(detail);
  const hint = error instanceof AcpStartError ? error.hint : undefined;
  if (hint !== undefined) return { ...failed('spawn', detail, hint), again: false };
  return { kind: 'retry', afterMs: null, detail };
}

/** What an agent's answer comes to when it is an error. `login` is how to log in to it, where that is known. */
export function outcomeOfError(
  error: RequestError,
  { authMethods, stderrTail }: Pick<AcpConnection, 'authMethods' | 'stderrTail'>,
  login: string | null,
): Outcome {
  if (error.code === AUTH_REQUIRED) {
    const ways = authMethods.map(({ name }) => name).join(', ');
    const hint =
      login ?? `log in with the agent's own program${ways === '' ? '' : ` (${ways})`}, then send it again`;
    return { ...failed('exit', 'the agent needs a login first', hint), again: false };
  }
  const { data } = error;
  const more = isObject(data) && typeof data.details === 'string' ? data.details : data;
  const told = typeof more === 'string' && !error.message.includes(more) ? `: ${more}` : '';
  const detail = cutUtf8(`the agent answered with an error: ${error.message}${told}`, DETAIL_BYTES).value;
  const { stderr } = withStderr('', stderrTail);
  return { ...failed('exit', detail), ...(stderr === undefined ? {} : { stderr }) };
}

/** What a turn comes to in a session that does not ask, where nobody has said that this is wanted. */
export function outcomeOfUnasked(name: string): Outcome {
  const { message, hint } = unaskedError(name);
  return { ...failed('exit', message, hint), again: false };
}

/** What is wrong with an agent that has no mode in which it asks, under `--allow-all` alone. */
export function unaskedError(name: string): WxError {
  return new WxError(
    'usage',
    `${name} has no mode in which it asks before it acts: with --allow-all it would do what any user asks`,
    { hint: 'choose: --permission deny, and a sandbox of your own around it; or leave out --allow-all' },
  );
}
