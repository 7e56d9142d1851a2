import { readFile, stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { ContentBlock, PromptCapabilities } from '@agentclientprotocol/sdk';
import type { Attachment, Turn } from '../../../core/message/message.ts';
import { plainInput } from '../../port/input.ts';

/** Largest picture that goes inside the prompt; a larger one goes as a link to its file. */
const MAX_IMAGE_BYTES = 5 * 1024 * 1024;

/**
 * A message as the content of a prompt: the quote as `> ` lines and the text first, then the attachments of both:
 * pictures as such where the agent takes them, everything else as a link to the file on disk, which every agent
 * must understand. What could not be fetched is said in the text.
 */
export async function promptOf(turn: Turn, capabilities: PromptCapabilities): Promise<ContentBlock[]> {
  const isMissing = ({ path }: Attachment): boolean => path === null;
  const text = plainInput({
    ...turn,
    attachments: turn.attachments.filter(isMissing),
    quote: turn.quote && { ...turn.quote, attachments: turn.quote.attachments.filter(isMissing) },
  });
  const blocks: ContentBlock[] = text === '' ? [] : [{ type: 'text', text }];
  for (const attachment of [...(turn.quote?.attachments ?? []), ...turn.attachments]) {
    if (attachment.path === null) continue;
    const image = capabilities.image ? await imageOf(attachment, attachment.path) : null;
    blocks.push(image ?? linkTo(attachment, attachment.path));
  }
  return blocks.length > 0 ? blocks : [{ type: 'text', text: '' }];
}

async function imageOf({ kind, mime }: Attachment, path: string): Promise<ContentBlock | null> {
  if (kind !== 'image' || !mime?.startsWith('image/')) return null;
  try {
    if ((await stat(path)).size > MAX_IMAGE_BYTES) return null;
    const data = (await readFile(path)).toString('base64');
    return { type: 'image', mimeType: mime, data, uri: pathToFileURL(path).href };
  } catch {
    // The link says where it should have been.
    return null;
  }
}

function linkTo({ kind, name, mime, sizeBytes }: Attachment, path: string): ContentBlock {
  return {
    type: 'resource_link',
    uri: pathToFileURL(path).href,
    name: name ?? kind,
    ...(mime === null ? {} : { mimeType: mime }),
    ...(sizeBytes === null ? {} : { size: sizeBytes }),
  };
}
