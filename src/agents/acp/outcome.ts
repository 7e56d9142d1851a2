import type { RequestError, StopReason } from '@agentclientprotocol/sdk';
import { reasonOf } from '../../core/errors.ts';
import type { ChatLanguage } from '../../core/language.ts';
import type { Outcome, ReplyPiece } from '../../core/message.ts';
import { failed, replyOf, shortage } from '../outcomes.ts';
import { isObject } from '../reply-line.ts';
import { cutUtf8 } from '../text-bytes.ts';
import { type AcpConnection, AcpStartError } from './connection.ts';
import { AUTH_REQUIRED } from './sessions.ts';

/** Longest quotation of an agent's error in a reason. */
const DETAIL_BYTES = 300;

/** Ends a reply that the agent broke off. */
const CUT_SHORT: Record<ChatLanguage, string> = {
  en: '(The agent stopped here: it has reached its limit.)',
  zh: '（智能体到达上限，回答到此为止。）',
};

/** What a finished prompt comes to. */
export function outcomeOfStop(stopReason: StopReason, pieces: ReplyPiece[], language: ChatLanguage): Outcome {
  switch (stopReason) {
    case 'cancelled':
      return failed('cancelled', 'the agent cancelled it');
    case 'max_tokens':
    case 'max_turn_requests':
      if (pieces.length > 0) return { kind: 'reply', pieces: [...pieces, { text: CUT_SHORT[language] }] };
      return failed('exit', `it stopped before it answered: ${stopReason}`);
    case 'refusal':
      if (pieces.length === 0) return failed('exit', 'it refused to answer');
  }
  return replyOf(pieces);
}

/** What an agent that could not be started comes to: again later, unless another try would end the same way. */
export function outcomeOfStart(error: unknown): Outcome {
  const detail = `agent not started: ${reasonOf(error)}`;
  if (error instanceof AcpStartError && error.passes) return shortage(detail);
  const hint = error instanceof AcpStartError ? error.hint : undefined;
  if (hint !== undefined) return failed('spawn', detail, hint);
  return { kind: 'retry', afterMs: null, detail };
}

/** What an agent's answer comes to when it is an error. `login` is how to log in to it, where that is known. */
export function outcomeOfError(
  error: RequestError,
  { authMethods }: AcpConnection,
  login: string | null,
): Outcome {
  if (error.code === AUTH_REQUIRED) {
    const ways = authMethods.map(({ name }) => name).join(', ');
    const hint =
      login ?? `log in with the agent's own program${ways === '' ? '' : ` (${ways})`}, then send it again`;
    return failed('exit', 'the agent wants you to log in to it first', hint);
  }
  const { data } = error;
  const more = isObject(data) && typeof data.details === 'string' ? data.details : data;
  const told = typeof more === 'string' && !error.message.includes(more) ? `: ${more}` : '';
  const detail = cutUtf8(`the agent answered with an error: ${error.message}${told}`, DETAIL_BYTES).value;
  return failed('exit', detail);
}
