import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../core/clock.ts';
import { reasonOf } from '../core/errors.ts';
import { encodeMediaKey } from '../core/media-key.ts';
import type { IlinkClient } from '../ilink/client.ts';
import { encodeParameter, endpointUrl, type HostTrust } from '../ilink/hosts.ts';
import type { UploadedMedia } from '../ilink/outbound.ts';
import { TOKEN_DEAD } from '../ilink/result.ts';
import type { Transport } from '../ilink/transport.ts';
import { MEDIA_TYPE, type UploadUrlResponse } from '../ilink/wire.ts';
import { encryptMedia } from '../media/cipher.ts';
import type { PartFile, UploadResult } from '../store/port.ts';

/** Tries at the CDN before the whole upload is begun anew, and the pause before the second (protocol 5.2). */
const CDN_TRIES = 3;
const CDN_PAUSE_MS = 500;
const CDN_TIMEOUT_MS = 120_000;
/** The CDN answers with headers; a body is only a reason. */
const CDN_ANSWER_BYTES = 64 * 1024;

/** Puts files onto the CDN. */
export interface Uploader {
  /** Uploads a file for a user; `uploaded` carries JSON of the UploadedMedia that the message needs. */
  upload(file: PartFile, user: string): Promise<UploadResult | 'expired'>;
}

/** The uploader of one account: getuploadurl, then the encrypted bytes to the CDN (protocol 5). */
export function createUploader(options: {
  client: Pick<IlinkClient, 'getUploadUrl'>;
  transport: Transport;
  cdnUrl: string;
  trust: HostTrust;
  clock: Clock;
}): Uploader {
  const { client, transport, clock } = options;

  function addressOf(body: UploadUrlResponse, filekey: string): URL | null {
    const text =
      body.upload_full_url ||
      (body.upload_param &&
        `${endpointUrl(options.cdnUrl, 'upload')}?encrypted_query_param=${encodeParameter(body.upload_param)}&filekey=${encodeParameter(filekey)}`);
    return text && URL.canParse(text) ? new URL(text) : null;
  }

  /** Posts the bytes; the parameter of `x-encrypted-param`, or why there is none. */
  async function post(url: URL, body: Buffer): Promise<{ param: string } | UploadResult> {
    for (let n = 1; ; n++) {
      const result = await transport.send({
        method: 'POST',
        url: url.href,
        headers: { 'content-type': 'application/octet-stream' },
        body,
        timeoutMs: CDN_TIMEOUT_MS,
        maxBytes: CDN_ANSWER_BYTES,
      });
      const status = result.ok ? result.answer.status : 0;
      const param = result.ok ? result.answer.headers['x-encrypted-param'] : undefined;
      if (status === 200 && param) return { param };
      if (result.ok && status >= 400 && status < 500) {
        const reason = result.answer.headers['x-error-message'] ?? `HTTP ${status}`;
        return { kind: 'refused', reason: `the CDN refused the file: ${reason}` };
      }
      const detail = result.ok ? `the CDN answered HTTP ${status} without a parameter` : result.detail;
      if (n >= CDN_TRIES) return { kind: 'again', detail };
      await clock.sleep(CDN_PAUSE_MS * n);
    }
  }

  return {
    async upload(file, user) {
      let plain: Buffer;
      try {
        plain = await readFile(file.path);
      } catch (error) {
        return { kind: 'refused', reason: `our copy of ${file.name} cannot be read: ${reasonOf(error)}` };
      }
      const key = randomBytes(16);
      const filekey = randomBytes(16).toString('hex');
      const md5 = createHash('md5').update(plain).digest('hex');
      const encrypted = encryptMedia(plain, key);
      const asked = await client.getUploadUrl({
        filekey,
        media_type: MEDIA_TYPE.file,
        to_user_id: user,
        rawsize: plain.length,
        rawfilemd5: md5,
        filesize: encrypted.length,
        no_need_thumb: true,
        aeskey: key.toString('hex'),
      });
      if (asked.kind === 'refused') {
        if (asked.code === TOKEN_DEAD) return 'expired';
        return { kind: 'refused', reason: `the server refused the upload (code ${asked.code})` };
      }
      if (asked.kind !== 'ok') return { kind: 'again', detail: `getuploadurl: ${describe(asked)}` };
      const address = addressOf(asked.body, filekey);
      if (!address) return { kind: 'refused', reason: 'the server named no address for the upload' };
      if (!options.trust.isTrusted(address)) {
        return {
          kind: 'refused',
          reason: `the server wants the file sent to ${address.host}, which is not trusted`,
        };
      }
      const stored = await post(address, encrypted);
      if ('kind' in stored) return stored;
      const media: UploadedMedia = {
        kind: 'file',
        param: stored.param,
        key: encodeMediaKey(key),
        encryptedBytes: encrypted.length,
        plainBytes: plain.length,
        md5,
        name: file.name,
      };
      return { kind: 'uploaded', upload: JSON.stringify(media) };
    },
  };
}

function describe(result: { kind: string; status?: number; detail?: string }): string {
  return result.detail ?? (result.status === undefined ? result.kind : `HTTP ${result.status}`);
}
