import { WxError } from '../../core/errors.ts';
import { parseJsonPath } from '../../core/json-path.ts';
import type { Turn } from '../../core/message/message.ts';
import { isObject } from '../../core/object.ts';
import type { Environment } from '../child/environment.ts';
import { eventJson, wellFormedJson } from '../port/input.ts';
import { parseJson } from '../reply/reply-line.ts';
import { HTTP_PRESETS, type HttpPreset, type PresetName } from './presets.ts';
import { type JsonTemplate, prepareTemplate } from './request/json-template.ts';
import { parseAgentUrl } from './request/options.ts';
import { templateValues } from './request/template-values.ts';
import type { ReplyRules } from './response/reply-rules.ts';
import { createStreamReader } from './response/stream-answer.ts';

/** How to speak with an endpoint: what is posted where, and how the answer is read. */
export interface HttpEndpoint {
  url: URL;
  /** Parameters of the URL that depend on the turn. */
  query: readonly { name: string; value: JsonTemplate }[];
  /** What is posted; null: the event. */
  body: JsonTemplate | null;
  /** How the answer is read; null: in the forms of docs/http.md. */
  answer: ReplyRules | null;
}

/** The flags as they were given; null: not given. */
export interface EndpointFlags {
  http: string;
  preset: PresetName | null;
  /** A JSON document, or `@` and the name of a file with one. */
  body: string | null;
  reply: string | null;
  conversation: string | null;
  error: string | null;
}

/** Makes an endpoint of what was given; flags win over the preset. Throws WxError `usage` (64), or as `readFile`. */
export function readEndpoint(
  flags: EndpointFlags,
  environment: Environment,
  readFile: (path: string) => string,
): HttpEndpoint {
  const preset: HttpPreset | null = flags.preset === null ? null : HTTP_PRESETS[flags.preset];
  const document = flags.body === null ? preset?.body : documentOf(flags.body, readFile);
  const from = flags.body === null ? `--http-preset ${flags.preset}` : '--http-body';
  const body = document === undefined ? null : prepareTemplate(document, from, environment);
  const { url, query } = targetOf(flags, preset, environment);
  const answer = answerOf(flags, preset);
  const names = new Set([...(body?.names ?? []), ...query.flatMap(({ value }) => [...value.names])]);
  if (names.has('conversation') && !answer?.conversation) {
    throw new WxError('usage', '{{conversation}} needs the path of the conversation ID in the response', {
      hint: '--http-conversation conversation_id',
    });
  }
  if (flags.conversation !== null && !names.has('conversation')) {
    throw new WxError('usage', '--http-conversation needs {{conversation}} in what is sent', {
      hint: `--http-body '{"text":"{{text}}","conversation":"{{conversation}}"}'`,
    });
  }
  return { url, query, body, answer };
}

/** What is posted for a turn, and where; `target` is the URL as the HTTP client takes it. */
export function requestOf(
  { query, body }: HttpEndpoint,
  target: string,
  turn: Turn,
  conversation: string | null,
): { url: string; body: string } {
  const values = templateValues(turn, conversation);
  const json = body ? wellFormedJson(body.fill(values)) : eventJson(turn);
  if (query.length === 0) return { url: target, body: json };
  const url = new URL(target);
  for (const { name, value } of query) {
    const filled = value.fill(values);
    if (filled === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, String(filled));
  }
  return { url: url.href, body: json };
}

function documentOf(given: string, readFile: (path: string) => string): unknown {
  const isFile = given.startsWith('@');
  const document = parseJson(isFile ? readFile(given.slice(1)) : given);
  if (isObject(document) || Array.isArray(document)) return document;
  throw new WxError('usage', `${isFile ? given.slice(1) : '--http-body'} is not a JSON object or list`, {
    hint: `--http-body '{"question":"{{text}}"}', or --http-body @body.json`,
  });
}

function targetOf(
  flags: EndpointFlags,
  preset: HttpPreset | null,
  environment: Environment,
): Pick<HttpEndpoint, 'url' | 'query'> {
  const url = parseAgentUrl(flags.http);
  if (preset && url.pathname === '/' && preset.path === null) {
    throw new WxError('usage', `--http-preset ${flags.preset} needs the whole address`, {
      hint: `--http ${url.origin}/webhook/1234/chat`,
    });
  }
  // A base URL as the documents of services have it: with nothing, or with the first part of the path.
  const base = url.pathname.replace(/\/?$/, '/');
  if (preset?.path && `${preset.path}/`.startsWith(base)) url.pathname = preset.path;
  for (const [key, value] of Object.entries(preset?.query ?? {}))
    if (!url.searchParams.has(key)) url.searchParams.set(key, value);
  // What nobody asked to fill in is sent as it is.
  if ((flags.preset ?? flags.body ?? flags.reply) === null) return { url, query: [] };
  if (url.pathname.includes('%7B%7B')) {
    throw new WxError('usage', 'the path of --http cannot have placeholders, only its parameters can', {
      hint: '--http https://host/chat?session={{sessionId}}',
    });
  }
  const query = [...url.searchParams]
    .filter(([, value]) => value.includes('{{'))
    .map(([key, value]) => ({ name: key, value: prepareTemplate(value, '--http', environment) }));
  return { url, query };
}

function answerOf(flags: EndpointFlags, preset: HttpPreset | null): ReplyRules | null {
  const reply = flags.reply ?? preset?.reply ?? null;
  if (reply === null) {
    const lonely = flags.conversation === null ? flags.error && '--http-error' : '--http-conversation';
    if (!lonely) return null;
    throw new WxError('usage', `${lonely} goes with --http-reply`, { hint: '--http-reply answer' });
  }
  const conversation = flags.conversation ?? preset?.conversation ?? null;
  const error = flags.error ?? preset?.error ?? null;
  const isPresets = preset && preset.events.length > 0 && flags.reply === null;
  return {
    reply: parseJsonPath(reply, '--http-reply'),
    stream: createStreamReader(isPresets ? preset.events : [{ does: 'append', path: reply }]),
    conversation: conversation === null ? null : parseJsonPath(conversation, '--http-conversation'),
    error: error === null ? null : parseJsonPath(error, '--http-error'),
  };
}
