import type { Stream } from 'openai/core/streaming';
import type { ChatCompletion, ChatCompletionChunk } from 'openai/resources/chat/completions';

/** What a chat-completions server said, whole. */
export interface ModelAnswer {
  text: string;
  /** Why the model stopped; null: it did not, the answer was cut. */
  finish: string | null;
}

/** The most that is read of an answer: what a command may print, and as much again for its thinking. */
const MAX_ANSWER_UNITS = 2 * 1024 * 1024;

/**
 * Reads an answer as it is written, with a sign of life for every piece; an overlong one ends with the finish
 * `too-large`. Rejects when the connection breaks.
 */
export async function readStream(
  chunks: Stream<ChatCompletionChunk>,
  onAlive: () => void,
): Promise<ModelAnswer> {
  let text = '';
  let finish: string | null = null;
  for await (const chunk of chunks) {
    onAlive();
    // The last chunk of some servers tells of usage and has no choices.
    const choice = chunk.choices?.[0];
    text += choice?.delta?.content ?? choice?.delta?.refusal ?? '';
    finish = choice?.finish_reason ?? finish;
    if (text.length > MAX_ANSWER_UNITS) return { text, finish: 'too-large' };
  }
  return { text, finish };
}

/** An answer in one piece, as servers give it that do not know `stream`. */
export function readWhole(completion: ChatCompletion): ModelAnswer {
  const choice = completion.choices?.[0];
  return {
    text: choice?.message?.content ?? choice?.message?.refusal ?? '',
    finish: choice === undefined ? null : (choice.finish_reason ?? 'stop'),
  };
}

/**
 * An answer without what the model thought aloud before it: a leading `<think>` block, one that was never closed
 * because the tokens ran out, or one whose beginning the server has taken for its own.
 */
export function withoutThinking(text: string): string {
  const opened = /^\s*<think(?:ing)?>/.exec(text);
  if (opened) {
    const closed = /<\/think(?:ing)?>\s*/.exec(text);
    return closed ? text.slice(closed.index + closed[0].length) : '';
  }
  const closed = /<\/think(?:ing)?>\s*(?:\n|$)/.exec(text);
  return closed && !/<think(?:ing)?>/.test(text.slice(0, closed.index))
    ? text.slice(closed.index + closed[0].length)
    : text;
}
