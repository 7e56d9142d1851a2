import { readFile } from 'node:fs/promises';
import type { ChatCompletionContentPart } from 'openai/resources/chat/completions';
import { reasonOf } from '../../core/errors.ts';
import type { Attachment, Turn } from '../../core/message/message.ts';
import { plainInput } from '../port/input.ts';

/** A message as a chat-completions server gets it, and as it is remembered: without its pictures. */
export interface Question {
  content: string | ChatCompletionContentPart[];
  text: string;
}

/** The largest picture that is sent along; base64 makes it a third longer. */
const MAX_IMAGE_BYTES = 10 * 1024 * 1024;

/** Text and pictures of a message and of what it quotes; what a model cannot read is named in a line. */
export async function questionOf(turn: Turn): Promise<Question> {
  const images: ChatCompletionContentPart[] = [];
  const lines = new Map<Attachment, string>();
  for (const attachment of [...(turn.quote?.attachments ?? []), ...turn.attachments]) {
    const image = await imageOf(attachment);
    if (image.url !== null) images.push({ type: 'image_url', image_url: { url: image.url } });
    lines.set(attachment, lineOf(attachment, image.reason));
  }
  const text = plainInput(turn, (attachment) => lines.get(attachment) ?? '');
  return { text, content: images.length === 0 ? text : [{ type: 'text', text }, ...images] };
}

/** A picture as a data URL, or why there is none; neither for what is no picture. */
async function imageOf({
  kind,
  path,
  mime,
  sizeBytes,
  error,
}: Attachment): Promise<{ url: string | null; reason: string | null }> {
  const without = (reason: string | null) => ({ url: null, reason });
  if (path === null) return without(error ?? 'not available');
  if (kind !== 'image' || !mime?.startsWith('image/')) return without(null);
  if ((sizeBytes ?? 0) > MAX_IMAGE_BYTES) return without('too large to be shown');
  try {
    return { url: `data:${mime};base64,${(await readFile(path)).toString('base64')}`, reason: null };
  } catch (error) {
    return without(reasonOf(error));
  }
}

function lineOf({ kind, name }: Attachment, reason: string | null): string {
  return `[${[kind, name, reason].filter((word) => word !== null).join(': ')}]`.replace(/\s+/g, ' ');
}
