import type { ChatMessage } from '../../../../page/chat/message.ts';
import type { Entry, Message } from '../../api-client/types.ts';
import { plain, userName } from '../../frame/names.ts';
import { keyOf } from './entries.ts';
import type { Sending } from './sending.ts';
import { conversationWords } from './words.ts';

/** Numbers by which messages are told apart, one for each key. */
const numbers = new Map<string, number>();

/** The number of an entry, by its key. */
export function numberOf(key: string): number {
  const n = numbers.get(key) ?? numbers.size + 1;
  numbers.set(key, n);
  return n;
}

/** The name of a user from where it tells users apart: all IDs begin alike. */
export function letterName(user: string): string {
  return userName(user).replace(/^o9(?=.)/, '');
}

/** An entry as the chat shows it: a message with several files is several. */
export function shownOf(entry: Entry, account: string): ChatMessage[] {
  const api = `/api/v1/accounts/${encodeURIComponent(account)}`;
  if (entry.part) {
    const { part } = entry;
    const { kind, text, name, sizeBytes, hasFile, createdAt } = part;
    return [
      {
        ...EMPTY,
        n: numberOf(keyOf(entry)),
        isMine: true,
        author: conversationWords().bot,
        timeMs: Date.parse(createdAt),
        // What is not there yet can only be named.
        kind: kind === 'text' || hasFile ? kind : 'other',
        text: kind === 'text' || hasFile ? text : conversationWords().fileOf(plain(name ?? '')),
        fileName: name === null ? null : plain(name),
        sizeBytes,
        url: hasFile ? `${api}/parts/${part.id}/file` : null,
      },
    ];
  }
  const { message } = entry;
  const { id, user, time, text, quote } = message;
  const base = {
    ...EMPTY,
    isMine: false,
    author: userName(user),
    timeMs: Date.parse(time),
    quote: quote && (quote.text || '…'),
  };
  // What stands below a message stands below its last file.
  const last = message.files.length - 1;
  const files = message.files.map((file, index): ChatMessage => {
    const url = `${api}/messages/${encodeURIComponent(id)}/files/${index}`;
    return {
      ...{
        ...base,
        n: numberOf(index === last ? keyOf(entry) : `${keyOf(entry)}#${index}`),
        kind: file.kind,
      },
      text: index === 0 && file.kind !== 'file' ? text : '',
      fileName: file.name === null ? null : plain(file.name),
      sizeBytes: file.sizeBytes,
      url,
      soundUrl: file.kind === 'voice' ? `${url}?as=wav` : null,
    };
  });
  const isSaid = files.length === 0 || (files[0]?.kind === 'file' && text !== '');
  if (!isSaid) return files;
  const said: ChatMessage = {
    ...{ ...base, n: numberOf(files.length === 0 ? keyOf(entry) : `${keyOf(entry)}#text`) },
    kind: text === '' ? 'other' : 'text',
    text: text || unknownText(message),
  };
  return [said, ...files];
}

/** What is on its way from this page. */
export function shownSending({ key, text, files, timeMs }: Sending): ChatMessage {
  return {
    ...{ ...EMPTY, n: numberOf(`sending=${key}`), isMine: true, author: conversationWords().bot, timeMs },
    kind: files.length > 0 ? 'other' : 'text',
    text:
      files.length > 0 ? files.map(({ name }) => conversationWords().fileOf(plain(name))).join('\n') : text,
  };
}

function unknownText({ unknownItems }: Message): string {
  return unknownItems.length === 0 ? '' : conversationWords().unknown(unknownItems.join(', '));
}

const EMPTY = {
  text: '',
  fileName: null,
  sizeBytes: null,
  url: null,
  soundUrl: null,
  grey: null,
  unseen: null,
  quote: null,
  id: null,
} as const;
