import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { WxError } from '../../core/errors.ts';
import type { MediaSource } from '../../core/message/media.ts';
import type { FetchedFile } from '../../media/download/port.ts';
import { turnIntoWav } from '../../media/voice/voice-to-wav.ts';
import { contentOf } from '../../runner/received/quotes.ts';
import { HttpError } from '../api/problem.ts';
import type { Call, Reply, Route } from '../api/route.ts';
import { oneOf, optionalOf, TEXT } from '../api/schema.ts';
import { unhurried } from '../api/slow-answer.ts';
import { fileHeaders } from '../guard/headers.ts';
import type { KnownAccount } from '../port/backend.ts';
import { messageOf } from './messages.ts';
import { partOf } from './parts.ts';

const HEADERS = optionalOf({ Range: { ...TEXT, description: 'one piece: bytes=0-99' } });

/** Files that users sent, and that were sent to them. */
export const FILE_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/accounts/{account}/messages/{message}/files/{file}',
    about: 'a file of a message, from 0 on in the order of its files, then of those it quotes; takes Range',
    scopes: ['read'],
    reach: 'user',
    query: optionalOf({ as: { ...oneOf('wav'), description: 'a voice as sound that browsers play' } }),
    headers: HEADERS,
    media: 'application/octet-stream',
    errors: [404, 416, 502],
    handle: readFileOfMessage,
  },
  {
    method: 'get',
    path: '/accounts/{account}/parts/{part}/file',
    about: 'the file of a part that was sent, from where WeChat has it; takes Range',
    scopes: ['read'],
    reach: 'user',
    headers: HEADERS,
    media: 'application/octet-stream',
    errors: [404, 416, 502],
    handle: readFileOfPart,
  },
];

async function readFileOfMessage(call: Call): Promise<Reply> {
  const { params, query } = call;
  const { account, message } = await messageOf(call);
  const { file: number = '' } = params;
  const sources = [...message.media, ...message.quoteMedia];
  const source = /^\d{1,4}$/.test(number) ? sources[Number(number)] : undefined;
  if (!source) throw new WxError('not-found', `message ${message.id} has ${sources.length} files, from 0 on`);
  const isSound = query.as === 'wav';
  return served(call, account, source, ['message', message.seq, number, isSound], async (file, signal) => {
    const wav = isSound ? await turnIntoWav(file.path, signal) : null;
    return wav ? { ...file, ...wav, mime: 'audio/wav' } : file;
  });
}

async function readFileOfPart(call: Call): Promise<Reply> {
  const { account, part } = await partOf(call);
  const { user, serverId, file } = part;
  const stored =
    file === null || serverId === null
      ? null
      : await call.backend.store.inbox.quoted({ account: account.key, user, id: serverId, aroundMs: null });
  const [source] = stored ? contentOf(stored).media : [];
  if (!source) throw new WxError('not-found', `part ${part.seq} has no file, or it was not sent`);
  return served(call, account, { ...source, name: file?.name ?? null }, ['part', part.seq]);
}

/** The answer with a file, which is fetched if it is not there yet; `change` makes of it what is served. */
async function served(
  { backend, fileCache, incoming }: Call,
  account: KnownAccount,
  source: MediaSource,
  place: readonly unknown[],
  change = async (file: FetchedFile, _signal: AbortSignal): Promise<FetchedFile> => file,
): Promise<Reply> {
  const { md5, name } = source;
  const fetched = fileCache.take(JSON.stringify([account.key, ...place]), async (folder, signal) => {
    const { inbox } = backend.store;
    const knownKeys = md5 === null ? [] : await inbox.mediaKeys({ account: account.key, md5 });
    const result = await backend.fetchFile(account, { source, knownKeys, folder, signal });
    return result.ok ? { ok: true, file: await change(result.file, signal) } : result;
  });
  const file = await unhurried(incoming, () => fetched);
  const { size } = await stat(file.path);
  const headers = { ...fileHeaders(name ?? file.name, file.mime), 'accept-ranges': 'bytes' };
  const range = rangeOf(incoming.headers.range, size);
  const { from, to } = range ?? { from: 0, to: size - 1 };
  const reply = {
    status: range ? 206 : 200,
    headers: {
      ...headers,
      'content-length': String(size === 0 ? 0 : to - from + 1),
      ...(range ? { 'content-range': `bytes ${from}-${to}/${size}` } : {}),
    },
  };
  // Nobody reads the body of such an answer, and nobody would close the file.
  if (incoming.method === 'HEAD') return reply;
  // Opened before the answer begins: who reads it may take longer than the file is kept.
  const stream = createReadStream(file.path, size === 0 ? {} : { start: from, end: to });
  await new Promise((opened, failed) => stream.once('open', opened).once('error', failed));
  return { ...reply, body: Readable.toWeb(stream) as ReadableStream };
}

/** The one range that is asked for; null: all of it, also for what is no range of bytes. Throws `416`. */
function rangeOf(header: string | undefined, size: number): { from: number; to: number } | null {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === '' || last === '' ? size - 1 : Math.min(size - 1, Number(last));
  if (from <= to) return { from, to };
  throw new HttpError(416, 'usage', `the file has ${size} bytes`, {
    headers: { 'content-range': `bytes */${size}` },
  });
}
