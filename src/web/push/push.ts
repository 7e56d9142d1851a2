import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { reasonOf, WxError } from '../../core/errors.ts';
import { atMostEvery } from '../../core/time/clock.ts';
import { type PartFile, type PartView, type Source, SourceGone } from '../../store/port/port.ts';
import { withoutSourceTokens } from '../access/secrets.ts';
import { type Body, plainBodyOf } from '../api/body.ts';
import { keyIn, readBytes } from '../api/input.ts';
import { HttpError, problemOf, withoutPlaces, withStatus } from '../api/problem.ts';
import type { Failures } from '../api/route.ts';
import type { KnownAccount, WebBackend } from '../port/backend.ts';
import { composed } from './compose.ts';
import { createKnownSources, type ShownSource } from './known-sources.ts';
import { createPendingUploads } from './pending-uploads.ts';
import { type Content, MAX_BODY_BYTES, readContent } from './port/content.ts';
import { type Answer, PLAIN, type Pushed } from './port/dialect.ts';
import { readByTemplate } from './port/template.ts';
import { NATIVE, oneSlash, resolveDialect } from './resolve-dialect.ts';
import { type Refuse, readProof } from './signature.ts';

/** A request as the server has it. */
export interface AskedOfServer {
  incoming: IncomingMessage;
  url: URL;
  /** Whose wrong tokens are counted. */
  address: string;
}

/** So long a look at the files of the store counts for other pushes: a burst has many a second. */
const LOOK_MS = 500;

/** Other tools try again after 5xx and give up after 4xx: what may go later is never a mistake of theirs. */
const STATUS: Readonly<Record<number, number>> = { 409: 503, 422: 400 };

/** What a request is answered with. */
export interface PushReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Takes what programs of others push. The result is null for a path of no dialect. */
export function createPush(
  backend: WebBackend,
  failures: Failures,
): (asked: AskedOfServer) => Promise<PushReply | null> {
  const { store, clock, log } = backend;
  const uploads = createPendingUploads(clock);
  const findSource = createKnownSources(backend, failures);
  const isLookDue = atMostEvery(LOOK_MS, clock);

  async function accountOf({ account }: Source): Promise<KnownAccount> {
    const found = await backend.accountOfLate(account);
    if (found) return found;
    throw new WxError('not-logged-in', `${account} has logged out`, { hint: 'wxagent login' });
  }

  /** Queues a push; it is on the disk when this resolves. */
  async function send(shown: ShownSource, pushed: Pushed, kept: PartFile[]): Promise<PartView[]> {
    const { source, digest } = shown;
    const text = composed(pushed, source);
    if (text === null && kept.length === 0)
      throw new WxError('usage', 'there is nothing to send: no title, no text, no file');
    const account = await accountOf(source);
    const user = source.user ?? (await backend.recipient(account, null));
    const ttlMs = pushed.ttlMs ?? source.ttlMs;
    const ofSource = (name: string | null): string | null =>
      name === null ? null : `${source.name}:${name}`;
    try {
      const parts = await backend.send(account, user, {
        text,
        kept,
        form: pushed.form,
        id: ofSource(pushed.id),
        key: ofSource(pushed.key),
        expiresAtMs: ttlMs === null ? null : clock.now() + ttlMs,
        push: { source: source.name, digest, isImportant: pushed.isImportant },
      });
      await store.flush();
      return parts;
    } catch (error) {
      if (error instanceof SourceGone) await shown.check();
      throw error;
    }
  }

  return async ({ incoming, url, address }) => {
    const kept: PartFile[] = [];
    let body = plainBodyOf(incoming);
    let shown: ShownSource | null = null;
    /** Who tries signatures is counted as who tries tokens. */
    const refuse = (why: string): HttpError => {
      failures.check(address);
      failures.failed(address);
      return new HttpError(401, 'not-logged-in', why);
    };
    let content: Promise<Content> | null = null;
    const keep = async (chunks: AsyncIterable<Uint8Array>, name: string): Promise<PartFile> => {
      if (shown === null) throw new WxError('usage', 'a file comes with the token in the address');
      await shown.check();
      const file = await backend.keepFile(await accountOf(shown.source), chunks, name);
      kept.push(file);
      return file;
    };
    const resolved = await resolveDialect({
      ...{ method: incoming.method ?? 'GET', path: oneSlash(url.pathname), query: url.searchParams },
      ...{ headers: body.headers, stream: body, keep, kept, nowMs: clock.now() },
      content: () =>
        (content ??= readContent(body, async (file, name) => void (await keep(file, name ?? 'file')))),
      take: (file) => void kept.push(file),
    });
    if (resolved === null) return null;
    const { dialect, request } = resolved;
    try {
      // Throws when its files were deleted or replaced: what is written to those is in no file any more. A flush looks, too.
      if (isLookDue()) store.changes();
      const probed = dialect.probe?.(request);
      if (probed) return replyOf(probed);
      shown = await findSource(resolved.token ?? (await dialect.tokenOf?.(request)) ?? null, address);
      const { source, secret } = shown;
      const proof =
        secret === null ? null : readProof(request.headers, secret, { nowMs: request.nowMs, refuse });
      if (proof && content !== null) proof.check(wholeOf(await content, refuse));
      else if (proof) body = request.stream = proof.checked(body);
      const template = dialect === NATIVE ? source.template : null;
      const read =
        (template === null ? null : await readByTemplate(template, request)) ??
        (await dialect.read(request, uploads.of(source.name)));
      // What it did not need is signed as well.
      if (proof) await readToEnd(body);
      if (!('push' in read)) await shown.check();
      await shown.noteUse();
      if ('answer' in read) return replyOf(read.answer);
      const { nowMs } = request;
      if ('ignored' in read) {
        const answer = await dialect.accepted({ parts: [], pushed: PLAIN, nowMs }, request);
        return replyOf(answer, { verdict: 'ignored', reason: read.ignored });
      }
      // One that is signed counts first: who repeats such a push cannot give it another.
      const id = proof?.id ?? read.push.id ?? deliveryOf(request.headers);
      const parts = await send(shown, { ...read.push, id }, kept);
      return replyOf(await dialect.accepted({ parts, pushed: read.push, nowMs }, request), verdictOf(parts));
    } catch (thrown) {
      // A later sweep removes what cannot be removed now.
      if (shown) await discard(shown.source, kept).catch(() => {});
      const problem = withoutPlaces(problemOf(thrown));
      const status = STATUS[problem.status] ?? problem.status;
      if (status >= 500)
        log.warn(
          `a push to ${shown?.source.name ?? dialect.name} was not taken: ${withoutSourceTokens(reasonOf(thrown))}`,
        );
      const answer = dialect.refused(withStatus(problem, status), request);
      const headers = thrown instanceof HttpError ? thrown.headers : {};
      return replyOf({ ...answer, headers: { ...headers, ...answer.headers } }, { verdict: 'rejected' });
    }
  };

  async function discard(source: Source, kept: readonly PartFile[]): Promise<void> {
    if (kept.length > 0) await backend.discardFiles(await accountOf(source), kept);
  }
}

/** A body that was read before its source was known. */
function wholeOf({ bytes }: Content, refuse: Refuse): Buffer {
  if (bytes !== null) return bytes;
  throw refuse('a form with files is signed where the token is in the address');
}

/** Reads what is left of a body, whose end may be an error. */
async function readToEnd(body: Body): Promise<void> {
  if (body.errored) throw body.errored;
  if (!body.readableEnded) await readBytes(body, MAX_BODY_BYTES);
}

/** The ID of a delivery that its sender repeats: of Standard Webhooks and Svix, and what GitLab and others send. */
function deliveryOf(headers: IncomingHttpHeaders): string | null {
  return keyIn(headers, 'webhook-id') ?? keyIn(headers, 'svix-id') ?? keyIn(headers, 'Idempotency-Key');
}

/** What became of the first part, which tells of the others as well: nothing overtakes. */
function verdictOf(parts: readonly PartView[]): Record<string, string> {
  const [first] = parts;
  // Too many wait: how many there were is told with the next text.
  if (!first) return { verdict: 'counted' };
  return {
    verdict: first.state,
    parts: parts.map(({ seq }) => String(seq)).join(','),
    ...(first.reason === null ? {} : { reason: first.reason }),
  };
}

/** `verdict` and what goes with it are headers, whatever form the answer has. */
function replyOf({ status, body, type, headers }: Answer, verdict: Record<string, string> = {}): PushReply {
  const all: Record<string, string> = { 'content-type': type, ...headers };
  for (const [name, value] of Object.entries(verdict)) all[`x-wxagent-${name}`] = value;
  return { status, headers: all, body };
}
