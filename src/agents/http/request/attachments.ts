import { readFile, stat } from 'node:fs/promises';
import { reasonOf } from '../../../core/errors.ts';
import type { Attachment, Turn } from '../../../core/message/message.ts';
import type { AttachmentServer } from './attachment-server.ts';

/** How attachments reach an HTTP service: as paths on this machine, inside the event, or from an address. */
export type AttachmentForm = 'path' | 'inline' | 'url';

/** A turn with its attachments in the form that the service can use. */
export interface PreparedTurn {
  turn: Turn;
  /** Takes the addresses back; to be called when the turn is over. */
  withdraw(): void;
}

/** Most bytes that go inside one request, all attachments of a message together. */
const INLINE_BYTES = 16 * 1024 * 1024;

/** Prepares the attachments of a turn, those of the quote included; `server` null: they stay paths, or go inside. */
export async function prepareAttachments(
  turn: Turn,
  form: AttachmentForm,
  server: AttachmentServer | null,
): Promise<PreparedTurn> {
  if (form === 'inline') return { turn: await withEach(turn, createInliner()), withdraw: () => {} };
  if (form === 'path' || server === null) return { turn, withdraw: () => {} };
  const published: { withdraw(): void }[] = [];
  const prepared = await withEach(turn, async (attachment, path) => {
    const one = server.publish({ path, name: attachment.name, mime: attachment.mime });
    published.push(one);
    return { ...attachment, path: null, url: one.url };
  });
  return {
    turn: prepared,
    withdraw: () => {
      for (const one of published) one.withdraw();
    },
  };
}

type Prepare = (attachment: Attachment, path: string) => Promise<Attachment>;

/** Puts bytes into attachments as long as they fit. */
function createInliner(): Prepare {
  let leftBytes = INLINE_BYTES;
  return async (attachment, path) => {
    try {
      const { size } = await stat(path);
      if (size > leftBytes) {
        const error = `not sent: more than ${INLINE_BYTES / 1024 / 1024} MiB in one message (use --http-attachments url)`;
        return { ...attachment, path: null, error };
      }
      leftBytes -= size;
      return { ...attachment, path: null, base64: (await readFile(path)).toString('base64') };
    } catch (error) {
      return { ...attachment, path: null, error: `cannot be read: ${reasonOf(error)}` };
    }
  };
}

/** Prepares one after the other, since they share a limit; what could not be fetched stays as it is. */
async function withEach(turn: Turn, prepare: Prepare): Promise<Turn> {
  const all = async (attachments: Attachment[]): Promise<Attachment[]> => {
    const prepared: Attachment[] = [];
    for (const one of attachments) prepared.push(one.path === null ? one : await prepare(one, one.path));
    return prepared;
  };
  const attachments = await all(turn.attachments);
  return {
    ...turn,
    attachments,
    quote: turn.quote && { ...turn.quote, attachments: await all(turn.quote.attachments) },
  };
}
