import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../access/authenticate.ts';
import type { EventStreams } from '../events/event-streams.ts';
import type { Client } from '../guard/client-address.ts';
import type { CallerScope } from '../guard/scope.ts';
import type { FileCache } from '../live/file-cache.ts';
import type { OngoingLogins } from '../live/ongoing-logins.ts';
import type { WebBackend } from '../port/backend.ts';
import type { ObjectSchema } from './schema.ts';

/** A request that may be answered: its parts are checked. */
export interface Call {
  backend: WebBackend;
  caller: Caller;
  client: Client;
  /** The parts of the path that are in braces in {@link Route.path}. */
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string | number>>;
  /** Logins that go on, and files that are read. */
  logins: OngoingLogins;
  fileCache: FileCache;
  /** How often a code was wrong. */
  wrongCodes: Failures;
  /** The JSON body, of the form of {@link Route.body}. */
  body: unknown;
  /** The request itself, for a route that reads its own body. */
  incoming: IncomingMessage;
  /** The response itself, for a route whose answer does not end; see {@link Reply.isSent}. */
  outgoing: ServerResponse;
  streams: EventStreams;
  /** Where the caller reaches this server, such as `https://bot.example.org`. */
  origin: string;
  /** Who asks, if they still may; null: no longer. */
  again(): Promise<Caller | null>;
  nowMs: number;
}

/** Failed attempts to come in. */
export interface Failures {
  /** Throws `429` when this address has to wait. */
  check(address: string): void;
  failed(address: string): void;
}

export interface Reply {
  status?: number;
  /** An object of the form of {@link Route.answer}. */
  json?: object;
  /** What is no JSON. */
  body?: string | ReadableStream;
  /** It goes out on {@link Call.outgoing}. */
  isSent?: boolean;
  headers?: Readonly<Record<string, string>>;
  /** The value of a browser's new cookie. */
  cookie?: string;
  /** The cookie counts no longer. */
  endsCookie?: boolean;
}

/** One operation of the API, as data: the server, the OpenAPI document and the test of every route are made of it. */
export interface Route {
  method: 'get' | 'post' | 'delete';
  /** Behind `/api/v1`, with parameters in braces. */
  path: string;
  /** What it is for, in a few words. */
  about: string;
  /** Whose tokens may use it beside those of `admin`, or only guests; null: anybody may. */
  scopes: readonly CallerScope[] | null;
  /** What it touches at most. A token for one account or one user does not reach further, whatever its scope. */
  reach: 'server' | 'account' | 'user';
  /** A browser may use it only soon after it gave a one-time code: who finds one open cannot let others in. */
  isElevated?: boolean;
  query?: ObjectSchema;
  /** The headers that it reads by itself. */
  headers?: ObjectSchema;
  body?: ObjectSchema;
  /** It takes a form with files as well, which its function reads. */
  multipart?: ObjectSchema;
  /** The largest JSON body. */
  maxBodyBytes?: number;
  /** Of an answer that went well; 200 unless it says so. */
  status?: number;
  /** What it answers; without it, nothing, or what is no JSON. */
  answer?: ObjectSchema;
  /** The type of what is no JSON. */
  media?: string;
  /** The statuses of its problems, beside those that every route has. */
  errors?: readonly number[];
  handle(call: Call): Promise<Reply>;
}
