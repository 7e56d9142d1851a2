import type { Log } from '../../core/log.ts';
import type { Outcome } from '../../core/message/message.ts';
import type { TurnContext } from '../port/port.ts';
import type { HttpEndpoint } from './endpoint.ts';
import type { RuledAnswer } from './response/reply-rules.ts';

/** The conversations that a service has named, one a session. */
export interface Conversations {
  /** The one of this session; null before the service has named one. */
  of(context: TurnContext): Promise<string | null>;
  /** Keeps the one that an answer names, when it is another than was sent. */
  keep(context: TurnContext, sent: string | null, answer: RuledAnswer): Promise<void>;
  /** Adds to an outcome that a service may have forgotten the conversation which was sent. */
  explain(outcome: Outcome, status: number, sent: string | null): Outcome;
}

/** Longest id that is kept; those that are known are of 36 characters at most. */
const MAX_ID_LENGTH = 512;

/** Conversations in the memory of their sessions, under the address of the service: another one knows nothing of them. */
export function createConversations(address: string, { answer }: HttpEndpoint, log: Log): Conversations {
  const path = answer?.conversation ?? null;
  const name = `conversation ${address}`;
  let isTold = false;
  return {
    of: async (context) => (path === null ? null : await context.memory.get(name)),
    async keep(context, sent, { outcome, conversation }) {
      if (path === null || outcome.kind === 'failed' || outcome.kind === 'retry') return;
      if (conversation !== null && conversation.length <= MAX_ID_LENGTH) {
        if (conversation !== sent) await context.memory.set(name, conversation);
      } else if (sent === null && !isTold) {
        isTold = true;
        log.warn(`${address} has no conversation ID at ${path.text}: continuing without one`);
      }
    },
    explain(outcome, status, sent) {
      if (status !== 404 || sent === null || outcome.kind !== 'failed') return outcome;
      return { ...outcome, hint: 'it may have forgotten the conversation: /new in the chat begins another' };
    },
  };
}
