import type { MediaSource } from '../../core/message/media.ts';
import { decodeMediaKey } from '../../core/message/media-key.ts';
import { decodeRaw, type Inbound, readInbound } from '../../ilink/message/inbound.ts';
import type { UploadedMedia } from '../../ilink/message/outbound.ts';
import { resolvePartial } from '../../ilink/message/quote.ts';
import type { Inbox, QuotedContent } from '../../store/port/port.ts';

/** What a message quotes, as far as it is known. */
export interface QuotedMessage {
  id: string | null;
  /** The selected text, or the whole text; '' if there is none or it is not found. */
  text: string;
  media: MediaSource[];
}

/** Whether a message quotes another one. */
export function isQuoting(inbound: Inbound): boolean {
  const { quoteId, quoteText, quoteTitle, quoteAtMs, quoteMedia } = inbound;
  const isNamed = quoteId !== null || quoteText !== null || quoteTitle !== null || quoteAtMs !== null;
  return isNamed || quoteMedia.length > 0;
}

/** What a message quotes: its own item, else the store's by ID or time, else the summary (protocol 10.4). */
export async function quoteOf(
  inbound: Inbound,
  about: { account: string; user: string },
  inbox: Pick<Inbox, 'quoted'>,
): Promise<QuotedMessage | null> {
  if (!isQuoting(inbound)) return null;
  const { quoteId: id, quoteText, quoteMedia, quotePartial } = inbound;
  if (quoteText !== null || quoteMedia.some(({ fullUrl, param }) => fullUrl !== null || param !== null)) {
    return { id, text: quoteText ?? '', media: quoteMedia };
  }
  const stored = await inbox.quoted({ ...about, id, aroundMs: inbound.quoteAtMs });
  if (stored === null) return { id, text: inbound.quoteTitle ?? '', media: quoteMedia };
  const { text, media } = contentOf(stored);
  return { id, text: (quotePartial && resolvePartial(text, quotePartial)) ?? text, media };
}

/** What a stored message or part says, and its files. */
export function contentOf(stored: QuotedContent): { text: string; media: MediaSource[] } {
  if (stored.kind === 'message') return readInbound(decodeRaw(stored.raw));
  return { text: stored.text, media: stored.upload === null ? [] : [mediaOfUpload(stored.upload)] };
}

/** Where a sent file is on the CDN: under the reference that its upload returned (protocol 5.2). */
function mediaOfUpload(upload: string): MediaSource {
  const { kind, param, key, name, plainBytes, md5 } = JSON.parse(upload) as UploadedMedia;
  const opening = decodeMediaKey(key);
  return {
    kind,
    fullUrl: null,
    param,
    keys: opening ? [opening] : [],
    isPlain: false,
    name,
    sizeBytes: plainBytes,
    md5,
    durationMs: null,
    transcript: null,
  };
}
