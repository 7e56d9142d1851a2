/** A message as a page shows it. */
export interface ChatMessage {
  /** Tells it from every other. */
  n: number;
  /** Whether whoever looks at the page has written it. */
  isMine: boolean;
  /** Who wrote it, in words. */
  author: string;
  timeMs: number;
  kind: 'text' | 'image' | 'voice' | 'file' | 'video' | 'other';
  text: string;
  fileName: string | null;
  sizeBytes: number | null;
  /** Where the file of it is; null: there is none, or it cannot be opened. */
  url: string | null;
  /** Where a voice is as sound that browsers play. */
  soundUrl: string | null;
  /** Why there is a grey placeholder in place of the picture; null: there is none. */
  grey: string | null;
  /** Why nobody has seen it; null: it was seen. */
  unseen: string | null;
  /** What it refers to, in words. */
  quote: string | null;
  /** By which it can be quoted; null: it cannot. */
  id: string | null;
}

/** A message in a few words, for quotes and lists. */
export function gist(message: ChatMessage, kinds: Record<ChatMessage['kind'], string>): string {
  const text = message.fileName ?? (message.text.replace(/\s+/g, ' ').trim() || `[${kinds[message.kind]}]`);
  const characters = Array.from(text);
  return characters.length > 60 ? `${characters.slice(0, 59).join('')}…` : text;
}

/** A size as people say it. */
export function sizeInWords(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
