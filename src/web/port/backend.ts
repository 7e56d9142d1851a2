import type { Log } from '../../core/log.ts';
import type { MediaSource } from '../../core/message/media.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Account } from '../../home/config-file.ts';
import type { LoginPort } from '../../ilink/login/login.ts';
import type { FetchResult } from '../../media/download/port.ts';
import type { PartFile, PartView, ScheduledText, Store } from '../../store/port/port.ts';
import type { RunnerView } from '../../views/account.ts';

/** An account as the server sees it: without its token. */
export type KnownAccount = Pick<Account, 'key' | 'id' | 'formerIds' | 'name' | 'owner' | 'loggedInAt'>;

export interface ToSend {
  text: string | null;
  /** Copies that {@link WebBackend.keepFile} made. */
  kept: PartFile[];
  form: 'wechat' | 'raw' | 'code';
  /** What was sent with this key before is not sent again. */
  id: string | null;
  /** Replaces what waits with the same key. */
  key: string | null;
  expiresAtMs: number | null;
  /** Given for what a source pushes. */
  push?: { source: string; digest: string; isImportant: boolean };
}

/** What `wxagent doctor` has found. */
export interface Checkup {
  ok: boolean;
  checks: readonly { name: string; ok: boolean; detail: string; hint: string | null; durationMs: number }[];
}

/** What the server needs of the program that runs it. */
export interface WebBackend {
  store: Store;
  clock: Pick<Clock, 'now' | 'monotonic' | 'sleep'>;
  log: Log;
  version: string;
  /** Tells this store from others on this machine: cookies do not know ports. */
  instance: string;
  /** What puts a sentence of ours into a language; what is no sentence of ours stays. */
  translator(language: 'en' | 'zh'): Promise<(sentence: string) => string>;
  /** The accounts that are logged in by now. */
  accounts(): Promise<KnownAccount[]>;
  /** One of them, as it was a moment ago; null: it is not logged in. */
  accountOfLate(key: string): Promise<KnownAccount | null>;
  /** The process that receives an account's messages; null: none. */
  runnerOf(account: KnownAccount): Promise<RunnerView | null>;

  /** The user that is meant: the one named, else the owner. Throws WxError for one that cannot be reached. */
  recipient(account: KnownAccount, named: string | null): Promise<string>;
  /** Throws WxError `not-found` for a name under which no user can write to this account; null: to any. */
  checkUser(account: KnownAccount | null, user: string): Promise<void>;
  /** Keeps the content of a stream, to be sent. */
  keepFile(account: KnownAccount, chunks: AsyncIterable<Uint8Array>, name: string): Promise<PartFile>;
  /** Removes copies that nothing is sent of. */
  discardFiles(account: KnownAccount, files: readonly PartFile[]): Promise<void>;
  /** Queues what is to be sent, and sees that it goes: by its runner, or by this process where there is none. */
  send(account: KnownAccount, user: string, what: ToSend): Promise<PartView[]>;
  /** Keeps a text until its time: then a runner queues it. */
  sendLater(
    account: KnownAccount,
    what: Pick<ToSend, 'form' | 'id' | 'key'> & Pick<ScheduledText, 'user' | 'text' | 'atMs' | 'ttlMs'>,
  ): Promise<ScheduledText>;

  /** Fetches a file that a user sent into a folder, and checks it. */
  fetchFile(
    account: KnownAccount,
    request: { source: MediaSource; knownKeys: readonly Buffer[]; folder: string; signal: AbortSignal },
  ): Promise<FetchResult>;

  /** Logs in through `port`; `isNew` false: it was before. `invitation` is used up; a used one is WxError `not-found`. */
  login(
    request: { name: string | null; force: boolean; by: string; invitation: string | null },
    port: LoginPort,
    signal: AbortSignal,
  ): Promise<{ account: KnownAccount; isNew: boolean }>;
  /** Forgets the token of an account; its messages stay. */
  logout(account: KnownAccount): Promise<void>;
  /** A text as a QR code. */
  qrSvg(text: string): Promise<string>;

  /** What `wxagent workers` and `wxagent agents` print as JSON, and `wxagent doctor` of an account; null: of the default one. */
  workers(): Promise<readonly object[]>;
  agents(): Promise<readonly object[]>;
  doctor(account: KnownAccount | null): Promise<Checkup>;
}
