import { randomBytes } from 'node:crypto';
import { hasCode, reasonOf, WxError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import { encodeMediaKey } from '../../core/message/media-key.ts';
import { percentEncoded } from '../../core/text-bytes.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { IlinkClient } from '../../ilink/client.ts';
import { endpointUrl, type HostTrust } from '../../ilink/hosts.ts';
import { headerOf } from '../../ilink/http/http.ts';
import type { HttpAnswer, HttpResult, Transport } from '../../ilink/http/transport.ts';
import type { UploadedMedia } from '../../ilink/message/outbound.ts';
import { TOKEN_DEAD } from '../../ilink/result.ts';
import { MEDIA_TYPE, type UploadUrlResponse } from '../../ilink/wire/wire.ts';
import { encryptedSize } from '../../media/cipher.ts';
import { type Digest, digestOf } from '../../media/upload/digest.ts';
import { encryptedChunks } from '../../media/upload/encrypting.ts';
import type {
  Claim,
  NewPart,
  Outbox,
  PartFile,
  PartView,
  UploadResult,
  UploadView,
  Verdict,
} from '../../store/port/port.ts';
import type { OpenCopy, Outgoing } from './outgoing-files.ts';
import { isFinalStatus } from './send-result.ts';

/** Tries at the CDN before the whole upload is started anew, and the pause before the second try (protocol 5.2). */
const CDN_TRIES = 3;
const CDN_PAUSE_MS = 500;
/** The longest pause in an upload, and the longest wait for the response of the CDN. */
const CDN_STALL_MS = 60_000;
/** The CDN responds with headers. A body only has the reason of a refusal. */
const CDN_ANSWER_BYTES = 64 * 1024;
/** Characters of such a reason that are shown. */
const REASON_CHARS = 200;

/** Progress of an upload: the bytes sent so far. When all are sent, the response of the CDN is still missing. */
export type UploadProgress = (sentBytes: number, totalBytes: number) => void;

/** Puts files onto the CDN. */
export interface Uploader {
  /** Uploads a file; `uploaded` has the UploadedMedia as JSON, `stopped`: the signal was aborted. Never rejects. */
  upload(
    file: PartFile,
    user: string,
    signal: AbortSignal,
    onProgress?: UploadProgress,
  ): Promise<UploadResult | { kind: 'expired' } | { kind: 'stopped' }>;
}

/** What can end an upload, and the listener to its progress. */
interface Watch {
  signal: AbortSignal;
  onProgress: UploadProgress | undefined;
}

/** How an upload, or a step of it, has ended early. */
type Ended = Exclude<Awaited<ReturnType<Uploader['upload']>>, { kind: 'uploaded' }>;

/** The uploader of one account. It asks for an address, then encrypts the file while it sends it to the CDN (protocol 5). */
export function createUploader(options: {
  client: Pick<IlinkClient, 'getUploadUrl'>;
  transport: Transport;
  cdnUrl: string;
  trust: HostTrust;
  /** Opens the copy of a file. */
  open: Outgoing['open'];
  clock: Clock;
}): Uploader {
  const { client, transport, clock } = options;

  function addressOf(body: UploadUrlResponse, filekey: string): URL | null {
    const text =
      body.upload_full_url ||
      (body.upload_param &&
        `${endpointUrl(options.cdnUrl, 'upload')}?encrypted_query_param=${percentEncoded(body.upload_param)}&filekey=${percentEncoded(filekey)}`);
    return text && URL.canParse(text) ? new URL(text) : null;
  }

  /** Asks the server for an address for the file. */
  async function ask(
    file: PartFile,
    digest: Digest,
    key: Buffer,
    to: { user: string; signal: AbortSignal },
  ): Promise<URL | Ended> {
    const filekey = randomBytes(16).toString('hex');
    const asked = await client.getUploadUrl(
      {
        filekey,
        media_type: MEDIA_TYPE[file.kind],
        to_user_id: to.user,
        rawsize: digest.sizeBytes,
        rawfilemd5: digest.md5,
        filesize: encryptedSize(digest.sizeBytes),
        no_need_thumb: true,
        aeskey: key.toString('hex'),
      },
      { signal: to.signal },
    );
    if (asked.kind === 'aborted') return { kind: 'stopped' };
    if (asked.kind === 'refused') {
      if (asked.code === TOKEN_DEAD) return { kind: 'expired' };
      return { kind: 'refused', reason: `the server refused the upload (code ${asked.code})` };
    }
    if (asked.kind !== 'ok') {
      const detail = asked.kind === 'http' ? `HTTP ${asked.status}` : asked.detail;
      return { kind: 'retry', detail: `getuploadurl: ${detail}` };
    }
    const address = addressOf(asked.body, filekey);
    if (!address) return { kind: 'refused', reason: 'the server gave no address for the upload' };
    if (options.trust.isTrusted(address)) return address;
    return {
      kind: 'refused',
      reason: `the server wants the file sent to ${address.host}, which is not trusted`,
    };
  }

  /** Posts the file to its address. Returns the reference that the CDN gives it. */
  async function post(
    url: URL,
    source: { file: PartFile; content: OpenCopy; sizeBytes: number; key: Buffer },
    { signal, onProgress }: Watch,
  ): Promise<{ kind: 'posted'; param: string } | Ended> {
    const { file, content, sizeBytes, key } = source;
    const totalBytes = encryptedSize(sizeBytes);
    for (let n = 1; ; n++) {
      let broken: unknown = null;
      async function* chunks(): AsyncGenerator<Buffer> {
        let sentBytes = 0;
        try {
          for await (const chunk of encryptedChunks(content.chunks(), sizeBytes, key)) {
            yield chunk;
            sentBytes += chunk.length;
            onProgress?.(sentBytes, totalBytes);
          }
        } catch (error) {
          broken = error;
          throw error;
        }
      }
      const result = await transport.send({
        method: 'POST',
        url: url.href,
        headers: { 'content-type': 'application/octet-stream' },
        body: { sizeBytes: totalBytes, chunks: chunks() },
        timeoutMs: CDN_STALL_MS,
        maxBytes: CDN_ANSWER_BYTES,
        signal,
      });
      if (broken !== null) return unreadable(file.name, broken);
      const param = result.ok && result.answer.status === 200 && headerOf(result.answer, 'x-encrypted-param');
      if (param) return { kind: 'posted', param };
      if (result.ok && isFinalStatus(result.answer.status)) {
        return { kind: 'refused', reason: `the CDN refused the file: ${whyOf(result.answer)}` };
      }
      if (!signal.aborted && n >= CDN_TRIES) return { kind: 'retry', detail: `CDN: ${detailOf(result)}` };
      await clock.sleep(CDN_PAUSE_MS * n, signal);
      if (signal.aborted) return { kind: 'stopped' };
    }
  }

  async function uploadContent(
    file: PartFile,
    content: OpenCopy,
    user: string,
    watch: Watch,
  ): Promise<Awaited<ReturnType<Uploader['upload']>>> {
    const { md5, sizeBytes } = file;
    const digest = md5 === null || sizeBytes === null ? await digestOf(content.chunks()) : { md5, sizeBytes };
    const key = randomBytes(16);
    const address = await ask(file, digest, key, { user, signal: watch.signal });
    if (!(address instanceof URL)) return address;
    const source = { file, content, sizeBytes: digest.sizeBytes, key };
    const posted = await post(address, source, watch);
    if (posted.kind !== 'posted') return posted;
    const media: UploadedMedia = {
      kind: file.kind,
      param: posted.param,
      key: encodeMediaKey(key),
      encryptedBytes: encryptedSize(digest.sizeBytes),
      plainBytes: digest.sizeBytes,
      md5: digest.md5,
      name: file.name,
    };
    return { kind: 'uploaded', upload: JSON.stringify(media) };
  }

  return {
    async upload(file, user, signal, onProgress) {
      let content: OpenCopy | undefined;
      try {
        content = await options.open(file);
        return await uploadContent(file, content, user, { signal, onProgress });
      } catch (error) {
        return unreadable(file.name, error);
      } finally {
        await content?.close();
      }
    },
  };
}

/** Our copy is gone or was changed, or it cannot be read for now: by the disk, or from the server of the store. */
function unreadable(name: string, error: unknown): Ended {
  const detail = `our copy of ${name} cannot be sent: ${reasonOf(error)}`;
  return (error instanceof WxError && error.kind === 'data') || hasCode(error, 'ENOENT')
    ? { kind: 'refused', reason: detail }
    : { kind: 'retry', detail };
}

/** Why the CDN has refused a file, in its own words if it has sent any (protocol 5.2). */
function whyOf(answer: HttpAnswer): string {
  const { status, body } = answer;
  const words = headerOf(answer, 'x-error-message') || body.trim().split('\n', 1)[0] || '';
  return words === '' ? `HTTP ${status}` : words.slice(0, REASON_CHARS);
}

/** What was wrong with the last try. */
function detailOf(result: HttpResult): string {
  if (!result.ok) return result.detail;
  const { status } = result.answer;
  return status === 200 ? 'no x-encrypted-param in its answer' : `HTTP ${status}`;
}

/** A third of the lease of a claim. */
const RENEW_EVERY_MS = 20_000;
/** How often the progress of an upload is stored. */
const NOTE_EVERY_MS = 500;

/** Uploads the file of a claimed part. Null if stopped or the login has expired: then the part was returned. */
export type PartUpload = (
  claim: Extract<Claim, { kind: 'upload' }>,
  signal: AbortSignal,
) => Promise<Verdict | null>;

/** What a user is told about a file of a reply that was refused; `language` is null where theirs is not known. */
export type RefusalNotice = (file: PartFile, language: ChatLanguage | null) => NewPart[];

/** Gets the progress of the upload of a part; null when it has ended. */
export type UploadListener = (seq: number, progress: UploadView['progress']) => void;

/** See {@link PartUpload}. */
export function createPartUpload(options: {
  account: string;
  outbox: Pick<Outbox, 'renewLease' | 'returnPart' | 'settleUpload' | 'recordUpload'>;
  uploader: Uploader;
  onUpload?: UploadListener;
  /** Tells the user that a file of a reply was refused. */
  noticeOf?: RefusalNotice;
  clock: Clock;
  log: Log;
  /** Gets the verdict on a file that was refused. */
  report: (parts: readonly PartView[], budgetLeft: number) => void;
  onExpired: () => void;
  onError: (error: unknown) => void;
}): PartUpload {
  const { account, outbox, clock } = options;

  /** Renews the lease: an upload may take longer. */
  async function renew(user: string, over: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(RENEW_EVERY_MS, over);
      if (over.aborted) return;
      await outbox.renewLease({ account, user, nowMs: clock.now() });
    }
  }

  /** Stores the progress, for a `send` in another process. Each note is a write. */
  function storeProgress(seq: number, over: AbortSignal): UploadProgress {
    let latest: UploadView['progress'] = null;
    const note = (): void => {
      // Steps that must not fail report an error of the store.
      if (latest) outbox.recordUpload({ account, seq, ...latest }).catch(() => {});
      latest = null;
    };
    const noteAgain = async (): Promise<void> => {
      for (;;) {
        await clock.sleep(NOTE_EVERY_MS, over);
        if (over.aborted) return;
        note();
      }
    };
    let isStarted = false;
    return (sentBytes, totalBytes) => {
      latest = { sentBytes, totalBytes };
      options.onUpload?.(seq, latest);
      if (sentBytes === totalBytes) note();
      if (!isStarted) void noteAgain();
      isStarted = true;
    };
  }

  return async ({ file, user, seq }, signal) => {
    const over = new AbortController();
    void renew(user, over.signal).catch(options.onError);
    const onProgress = storeProgress(seq, over.signal);
    const result = await options.uploader.upload(file, user, signal, onProgress).finally(() => {
      over.abort();
      options.onUpload?.(seq, null);
    });
    if (result.kind === 'expired' || result.kind === 'stopped') {
      await outbox.returnPart({ account, seq });
      if (result.kind === 'expired') options.onExpired();
      return null;
    }
    const { noticeOf } = options;
    const settled = { account, seq, result, nowMs: clock.now(), ...(noticeOf && { noticeOf }) };
    const verdict = await outbox.settleUpload(settled);
    if (result.kind === 'retry')
      options.log.debug(`upload failed: ${result.detail}; retrying`, { part: seq });
    if (result.kind === 'refused') options.report([verdict.part], verdict.budgetLeft);
    return verdict;
  };
}
