import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { MissingFile, ReplyPiece } from '../../../core/message/message.ts';
import { isObject } from '../../../core/object.ts';
import { missingFile } from '../../reply/outcomes.ts';
import { replyTextOf } from '../../reply/output.ts';

/** The most text of one reply, as for a command. */
const MAX_TEXT_BYTES = 1024 * 1024;

/** The most of pictures and files in one reply, in base64. */
const MAX_DATA_CHARS = 64 * 1024 * 1024;
const MAX_DATA = '64 MiB of base64';

/** Updates after which more text is a message of its own; after the last one unless it has the id of that before. */
const BETWEEN_MESSAGES = new Set(['tool_call', 'agent_thought_chunk', 'plan']);
const PERHAPS_BETWEEN = 'tool_call_update';

/** What an agent says of itself, where its client takes no notices: never a piece of a text that streams in. */
const OWN_MESSAGE = /^(?:Info|Warning|Error): [^\n]*\n*$/;

/** Where the name of a type is not how its files end. */
const EXTENSIONS = new Map([
  ['jpeg', 'jpg'],
  ['mpeg', 'mp3'],
  ['plain', 'txt'],
]);

/** Something of a reply: a text that may still grow, or the data of a file. */
type Entry = { text: string } | { data: string; name: string } | { missing: MissingFile };

const FENCE = '```';

/** Gathers what an agent says in one turn. */
export interface AcpReply {
  /** Takes an update of the session; thoughts, plans and tool calls are not shown. */
  take(update: Record<string, unknown>): void;
  /** Ends a text under way: what comes next was said after the agent has asked something. */
  interrupt(): void;
  /** Notes that the agent was not allowed to do something. */
  noteDenied(): void;
  /** Whether the agent has said nothing since it was last not allowed to do something. */
  readonly endsWithDenial: boolean;
  /** The reply so far: whole messages with an empty line between, files where they stood. Files are written into the folder. */
  pieces(folder: () => string): Promise<ReplyPiece[]>;
  /** Whether nothing has been said. */
  readonly isEmpty: boolean;
  /** Whether more text was said than a reply may have; the rest is dropped. */
  readonly isTooLarge: boolean;
}

/** See {@link AcpReply}. */
export function createAcpReply(): AcpReply {
  const entries: Entry[] = [];
  let textBytes = 0;
  let dataChars = 0;
  let messageId: unknown = null;
  /** Whether text goes on where the last chunk ended; of `undecided` its id says so. */
  let isOpen: boolean | 'undecided' = false;
  /** Of the last text: its end, in which a fence may have begun, and whether a block of code is open in it. */
  let tail = '';
  let isInCode = false;
  /** Entries there were when a permission was last not given. */
  let deniedAfter: number | null = null;

  const isTooLarge = (): boolean => textBytes > MAX_TEXT_BYTES;

  function addText(text: string): void {
    if (text === '') return;
    textBytes += Buffer.byteLength(text);
    if (isTooLarge()) return;
    const last = entries.at(-1);
    if (isOpen && last && 'text' in last) last.text += text;
    else {
      entries.push({ text });
      tail = '';
      isInCode = false;
    }
    isOpen = true;
    readFences(text);
  }

  /** Reads on where the last chunk ended: reading all of a text for each of its chunks would take for ever. */
  function readFences(text: string): void {
    const unread = tail + text;
    let from = 0;
    for (let at = unread.indexOf(FENCE); at !== -1; at = unread.indexOf(FENCE, from)) {
      isInCode = !isInCode;
      from = at + FENCE.length;
    }
    tail = unread.slice(Math.max(from, unread.length - FENCE.length + 1));
  }

  function addData(data: unknown, name: string): void {
    if (typeof data !== 'string' || data === '') return;
    if (dataChars + data.length <= MAX_DATA_CHARS) {
      dataChars += data.length;
      entries.push({ data, name });
    } else
      entries.push(missingFile(name, 'too-large', `the files of the answer are larger than ${MAX_DATA}`));
    isOpen = false;
  }

  function addBlock(block: Record<string, unknown>): void {
    const number = entries.length + 1;
    if (block.type === 'text') addText(String(block.text ?? ''));
    else if (block.type === 'image' || block.type === 'audio') {
      addData(block.data, `${number}.${extensionOf(block.mimeType)}`);
    } else if (block.type === 'resource_link')
      addText(`\n${String(block.title ?? block.name)}: ${block.uri}\n`);
    else if (block.type === 'resource' && isObject(block.resource)) {
      const { text, blob, uri, mimeType } = block.resource;
      if (typeof text === 'string') addText(text);
      else addData(blob, nameIn(uri) ?? `${number}.${extensionOf(mimeType)}`);
    }
  }

  function interrupt(): void {
    if (isOpen) isOpen = 'undecided';
  }

  /** Whether a chunk is a message of its own and not words of a text that streams in, which may begin in the same way. */
  function isOwnMessage({ type, text }: Record<string, unknown>): boolean {
    if (type !== 'text' || typeof text !== 'string' || !OWN_MESSAGE.test(text)) return false;
    const last = entries.at(-1);
    if (!isOpen || !last || !('text' in last)) return true;
    return tail.endsWith('\n') && !isInCode;
  }

  return {
    take(update) {
      const { sessionUpdate, content } = update;
      if (BETWEEN_MESSAGES.has(String(sessionUpdate))) isOpen = false;
      else if (sessionUpdate === PERHAPS_BETWEEN) interrupt();
      if (sessionUpdate !== 'agent_message_chunk' || !isObject(content)) return;
      const id = update.messageId ?? null;
      if (id !== messageId) isOpen = false;
      else if (isOpen === 'undecided') isOpen = id !== null;
      messageId = id;
      const isOwn = !(isOpen && id !== null) && isOwnMessage(content);
      if (isOwn) isOpen = false;
      addBlock(content);
      if (isOwn) isOpen = false;
    },
    interrupt,
    noteDenied() {
      deniedAfter = entries.length;
    },
    get endsWithDenial() {
      return deniedAfter !== null && isBlank(entries.slice(deniedAfter));
    },
    async pieces(folder) {
      const pieces: ReplyPiece[] = [];
      for (const entry of entries) {
        if ('text' in entry) {
          const text = replyTextOf(entry.text)?.trim();
          const last = pieces.at(-1);
          if (text === undefined) continue;
          if (last && 'text' in last) last.text += `\n\n${text}`;
          else pieces.push({ text });
          continue;
        }
        if ('missing' in entry) {
          pieces.push(entry);
          continue;
        }
        const file = join(folder(), `${pieces.length}-${entry.name}`);
        await writeFile(file, Buffer.from(entry.data, 'base64'), { flag: 'wx' });
        pieces.push({ file, name: entry.name });
      }
      return pieces;
    },
    get isEmpty() {
      return isBlank(entries);
    },
    get isTooLarge() {
      return isTooLarge();
    },
  };
}

function isBlank(entries: readonly Entry[]): boolean {
  return entries.every((entry) => 'text' in entry && entry.text.trim() === '');
}

/** What a file of this type is called: `png` of `image/png`. */
function extensionOf(mimeType: unknown): string {
  const [, subtype = 'bin'] = /^\w+\/(?:x-)?(\w{1,10})/.exec(String(mimeType)) ?? [];
  return EXTENSIONS.get(subtype) ?? subtype;
}

/** The file name at the end of a URI, where it has one that is harmless. */
function nameIn(uri: unknown): string | null {
  if (typeof uri !== 'string' || !URL.canParse(uri)) return null;
  let name: string;
  try {
    name = basename(decodeURIComponent(new URL(uri).pathname));
  } catch {
    return null;
  }
  return /^[^.\p{Cc}\\/][^\p{Cc}\\/]{0,60}$/u.test(name) ? name : null;
}
