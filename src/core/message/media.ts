import type { Attachment } from './message.ts';

/** A picture, voice, file or video of a received message as it lies on the CDN (protocol 5, 10.2). */
export interface MediaSource {
  kind: Attachment['kind'];
  /** Preferred address; null: made of `param` (protocol 5.4). */
  fullUrl: string | null;
  param: string | null;
  /** Keys to try in this order. None although the blob is not plain: the message names no usable one (protocol 5.3). */
  keys: Buffer[];
  /** On the CDN unencrypted, as only images may be (protocol 5.4). */
  isPlain: boolean;
  /** What its sender called it; hostile. */
  name: string | null;
  /** Plain bytes and their md5 in hex, where the message tells (protocol 5.5). */
  sizeBytes: number | null;
  md5: string | null;
  durationMs: number | null;
  /** What WeChat heard in a voice message. */
  transcript: string | null;
}

/** As what the phone shows a file that we send (protocol 4.2, 12). */
export type ShownAs = 'image' | 'video' | 'file';
