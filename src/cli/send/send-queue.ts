import { WxError } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import type { Outgoing } from '../../runner/delivery/outgoing-files.ts';
import { replyParts } from '../../runner/delivery/reply-parts.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../../runner/port/options.ts';
import type { NewPart, Outbox, PartFile, PartView, SendRequest } from '../../store/port/port.ts';
import { codeBlock } from '../../text/code-block.ts';

const AS_IT_IS = { ...DEFAULT_RUNNER_OPTIONS, format: 'raw' } as const;

/** A text and files, copied already, and whom they go to. */
export interface WhatToSend extends Omit<SendRequest, 'parts'> {
  text: string | null;
  kept: PartFile[];
  form: 'wechat' | 'raw' | 'code';
}

/**
 * Queues a text and files. With an `id` that is known, nothing is queued, and the parts of before are returned. Throws
 * WxError `usage` when those were for somebody else.
 */
export async function queueSend(outbox: Outbox, outgoing: Outgoing, what: WhatToSend): Promise<PartView[]> {
  const { account, user, text, kept, form, nowMs } = what;
  const budgetLeft = async (): Promise<number> => {
    const { left, isOpen } = await outbox.budget({ account, user, nowMs });
    // Without an open window the text waits for the user's next message, and then has a whole budget.
    return isOpen ? left : Number.POSITIVE_INFINITY;
  };
  const texts = text === null ? [] : [{ text: form === 'code' ? codeBlock(text) : text }];
  const parts: NewPart[] = await replyParts(
    [...texts, ...kept.map((copy) => ({ copy }))],
    form === 'wechat' ? DEFAULT_RUNNER_OPTIONS : AS_IT_IS,
    { origin: 'send', runId: newUuid() },
    { budgetLeft, outgoing, nowMs },
  );
  const queued = await outbox.enqueue({ parts, ...what });
  // Copies for an id that was known.
  await outgoing.discard(
    outbox,
    kept.map(({ path }) => path),
  );
  checkIsFor(user, queued);
  return queued;
}

/** Throws WxError `usage` when what an ID was used for is another user's: that has not gone to this one, and is not theirs to see. */
export function checkIsFor(user: string, known: readonly { user: string }[]): void {
  if (known.some((one) => one.user !== user))
    throw new WxError('usage', 'this ID was used before, for another user');
}
