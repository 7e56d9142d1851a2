import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { PartFile, PartView } from '../../../store/port/port.ts';
import type { Problem } from '../../api/problem.ts';
import type { Content } from './content.ts';

/** A request to push something, as a dialect sees it. */
export interface PushRequest {
  method: string;
  /** The path of the service, without what stands before it here. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** The body, read once. Files of a form are kept while it is read. */
  content(): Promise<Content>;
  /** The body as a stream, for what is a file as a whole. */
  stream: Readable;
  /** Keeps a file, to be sent after the text. */
  keep(chunks: AsyncIterable<Uint8Array>, name: string): Promise<PartFile>;
  /** The files that are kept by now. */
  kept: readonly PartFile[];
  /** Sends a file after the text that was kept for an earlier request. */
  take(file: PartFile): void;
  nowMs: number;
}

export interface Pushed {
  title: string | null;
  text: string;
  /** `wechat`: it is Markdown; `raw`: it is sent as it is; `code`: as a block of code. */
  form: 'wechat' | 'raw' | 'code';
  /** An address that goes with it. */
  link: string | null;
  /** What was pushed with this ID before is not sent again. */
  id: string | null;
  /** Replaces what waits with the same key. */
  key: string | null;
  ttlMs: number | null;
  /** It waits for no other: its sender says that it is urgent. */
  isImportant: boolean;
}

/** The forms, as a request can name them. */
export const FORMS: readonly Pushed['form'][] = ['wechat', 'raw', 'code'];

/** A push that has nothing but a text. */
export const PLAIN: Pushed = {
  title: null,
  text: '',
  form: 'raw',
  link: null,
  id: null,
  key: null,
  ttlMs: null,
  isImportant: false,
};

export interface Answer {
  status: number;
  body: string;
  /** Its content type. */
  type: string;
  headers?: Readonly<Record<string, string>>;
}

/** What a request comes to: something to tell, or an answer at once. */
export type Read = { push: Pushed } | { answer: Answer } | { ignored: string };

/** What became of a push. */
export interface Sent {
  parts: readonly PartView[];
  pushed: Pushed;
  nowMs: number;
}

/** How the clients of a service push: a room for everything about that service. */
export interface Dialect {
  /** As it stands in `/push/<token>/<name>`. */
  readonly name: string;
  /** Whether a path at the root of this server is one of the service; not given: it has none there. */
  isOwn?(request: PushRequest): boolean | Promise<boolean>;
  /** The token of a request at the root; null: there is none. */
  tokenOf?(request: PushRequest): string | null | Promise<string | null>;
  /** Answers what needs no token, such as a look whether the service is there; null: it does. */
  probe?(request: PushRequest): Answer | null;
  /** Reads what is to be told. `uploads` keeps what a request leaves to a later one of the same source. Throws WxError. */
  read(request: PushRequest, uploads: PendingUploads): Promise<Read>;
  /** The service's own success. */
  accepted(sent: Sent, request: PushRequest): Answer | Promise<Answer>;
  /** The service's own error. */
  refused(problem: Problem, request: PushRequest): Answer;
}

/** Files that a source has uploaded, for a message that names them. */
export interface PendingUploads {
  put(file: PartFile): string;
  /** Takes a file; null: there is none of this ID, or no longer. */
  take(id: string): PartFile | null;
}

export function json(status: number, value: object): Answer {
  return { status, body: `${JSON.stringify(value)}\n`, type: 'application/json' };
}

/** An answer in words. */
export function plain(status: number, body: string): Answer {
  return { status, body, type: 'text/plain; charset=utf-8' };
}
