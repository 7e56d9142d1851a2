import { reasonOf, WxError } from '../../core/errors.ts';
import type { MediaSource } from '../../core/message/media.ts';
import { decodeMediaKey } from '../../core/message/media-key.ts';
import type { Account } from '../../home/config-file.ts';
import { decodeRaw, readInbound } from '../../ilink/message/inbound.ts';
import { mediaOf } from '../../ilink/message/media.ts';
import { parseLossless } from '../../ilink/wire/json.ts';
import type { MessageItem } from '../../ilink/wire/wire.ts';
import { accountIfAny, chooseAccount } from '../account/choose-account.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';

/** `last` looks among so many of the newest messages. */
const NEWEST = 1_000;
/** An item on stdin is a few hundred bytes. */
const ITEM_BYTES = 1024 * 1024;

/** What `download` is to fetch. */
export interface Wanted {
  /** Id of the message it comes from; null: none is stored. */
  message: string | null;
  account: Account | null;
  sources: WantedSource[];
}

/** One file to fetch. */
export interface WantedSource {
  source: MediaSource;
  /** Keys that came with the same file before. */
  knownKeys: Buffer[];
}

/** The files that the arguments of `download` name. Throws WxError `usage`, `data` or `not-found`. */
export async function findSources(context: CommandContext, [id, ...more]: string[]): Promise<Wanted> {
  const { item, param, mediaKey } = context.settings;
  const forms = [id, item, param].filter((one) => one !== null && one !== undefined);
  if (forms.length !== 1 || more.length > 0) {
    throw new WxError(
      'usage',
      'download takes the id of one message or last, --item, or --param with --key',
      { hint: 'wxagent messages' },
    );
  }
  if (mediaKey !== null && param === null) throw new WxError('usage', '--key goes with --param only');
  if (id !== undefined) return ofMessage(context, id);
  const source = param === null ? await ofItem(context, item as string) : ofParam(param, mediaKey);
  return { message: null, account: accountIfAny(context), sources: [{ source, knownKeys: [] }] };
}

async function ofMessage(context: CommandContext, id: string): Promise<Wanted> {
  const account = chooseAccount(context);
  const all = { account: account.key, user: null, sinceMs: null };
  return withStore(context, async ({ inbox }) => {
    const found =
      id === 'last'
        ? (await inbox.messages({ ...all, limit: NEWEST })).findLast(({ raw }) => filesOf(raw).length > 0)
        : await inbox.message({ account: account.key, id });
    if (!found) {
      const missing = id === 'last' ? 'there is no message with a file' : `there is no message ${id}`;
      const hasAny = (await inbox.messages({ ...all, limit: 1 })).length > 0;
      // Nothing has been received yet: it may wait at the server.
      throw new WxError('not-found', missing, {
        hint: hasAny ? 'wxagent messages' : 'wxagent listen --once',
      });
    }
    const files = filesOf(found.raw);
    if (files.length === 0)
      throw new WxError('not-found', `message ${found.id} has no file`, { hint: 'wxagent messages' });
    const sources: WantedSource[] = [];
    for (const source of files) {
      const { md5 } = source;
      const knownKeys = md5 === null ? [] : await inbox.mediaKeys({ account: account.key, md5 });
      sources.push({ source, knownKeys });
    }
    return { message: found.id, account, sources };
  });
}

/** The files of a stored message, or else those of the message it quotes. */
function filesOf(raw: Buffer): MediaSource[] {
  const { media, quoteMedia } = readInbound(decodeRaw(raw));
  return media.length > 0 ? media : quoteMedia;
}

async function ofItem(context: CommandContext, given: string): Promise<MediaSource> {
  const fromStdin = given === '-';
  const text = fromStdin ? (await context.io.readStdin()).toString('utf8', 0, ITEM_BYTES) : given;
  const kind = fromStdin ? 'data' : 'usage';
  let item: unknown;
  try {
    item = parseLossless(text);
  } catch (error) {
    throw new WxError(kind, `--item takes the JSON of an item: ${reasonOf(error)}`);
  }
  const source = mediaOf(item as MessageItem);
  if (source) return source;
  throw new WxError(kind, 'the item is not an image, voice message, file or video', {
    hint: `--item '{"type":4,"file_item":{"media":{"full_url":"...","aes_key":"..."}}}'`,
  });
}

function ofParam(param: string, key: string | null): MediaSource {
  const hint = 'wxagent download --param <encrypt_query_param> --key <aes_key>';
  if (key === null) throw new WxError('usage', '--param needs --key', { hint });
  const decoded = decodeMediaKey(key);
  if (!decoded) {
    throw new WxError(
      'usage',
      '--key takes 16 bytes: 32 hex digits, or base64 of the bytes or of the digits',
      { hint },
    );
  }
  return {
    kind: 'file',
    fullUrl: null,
    param,
    keys: [decoded],
    isPlain: false,
    name: null,
    sizeBytes: null,
    md5: null,
    durationMs: null,
    transcript: null,
  };
}
