import { PLAIN_ENCODING, plainChunks } from '../../../core/http/content-encoding.ts';
import type { Environment } from '../../child/environment.ts';
import type { FetchedFile, FetchFault } from '../../reply/files.ts';
import { createLineFeed, type LineHandler } from '../../reply/line-feed.ts';
import { MAX_LINE_CHARS } from '../../reply/reply-stream.ts';
import { type HttpClient, openClient, UNLIMITED } from './client.ts';
import { createFileFetcher, type FileRequest } from './file-fetch.ts';

export interface AgentRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  signal: AbortSignal;
  /** The longest body worth reading, once status and headers are known; in plain form. */
  limitBytes(answer: Omit<AgentAnswer, 'body' | 'tooLarge'>): number;
  /** What takes the body of such an answer line by line while it arrives; null: it is gathered. */
  linesOf(answer: Omit<AgentAnswer, 'body' | 'tooLarge'>): LineHandler | null;
  /** Whether a line without its newline is the last one: some servers send none, and keep the connection open. */
  isLast?(unended: string): boolean;
  /** What looks at the bytes of such a body, in plain form, while they are gathered; true: nothing behind these counts. */
  endOf?(answer: Omit<AgentAnswer, 'body' | 'tooLarge'>): ((chunk: Uint8Array) => boolean) | null;
  /** Called whenever something of the answer arrives. */
  onAlive(): void;
}

/** What the agent's server answered, its body in plain form; header names are in lower case. */
export interface AgentAnswer {
  status: number;
  headers: Record<string, string>;
  /** Empty when it was taken line by line. */
  body: Buffer;
  /** The body was longer than allowed; then it is incomplete. */
  tooLarge: boolean;
}

/** Sends requests to HTTP agents over kept-alive connections. */
export interface AgentSender {
  /** Rejects when there is no complete answer, with an EncodingError when it cannot be brought into plain form. Follows no redirect. */
  send(request: AgentRequest): Promise<AgentAnswer>;
  /** Fetches a file that an answer names; what came, or what is wrong. Rejects for what this machine is short of. */
  fetchFile(request: FileRequest): Promise<FetchedFile | FetchFault>;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** Opens a sender; proxies are those of the environment. The HTTP client is loaded by the first request. */
export function createAgentSender(environment: Environment): AgentSender {
  let opening: Promise<HttpClient> | undefined;
  const files = createFileFetcher(environment);
  return {
    async send({ url, headers, body, signal, ...reading }) {
      opening ??= openClient(environment, UNLIMITED);
      const client = await opening;
      const { origin, pathname, search } = new URL(url);
      const response = await client.request({
        origin,
        path: pathname + search,
        method: 'POST',
        headers: { ...PLAIN_ENCODING, ...headers },
        body,
        signal,
      });
      reading.onAlive();
      const head = { status: response.statusCode, headers: joinHeaders(response.headers) };
      return { ...head, ...(await readBody(response.body, head, reading)) };
    },
    fetchFile: files.fetch,
    async close() {
      if (opening) await (await opening).close();
      await files.close();
    },
  };
}

async function readBody(
  body: AsyncIterable<Buffer>,
  head: Omit<AgentAnswer, 'body' | 'tooLarge'>,
  { limitBytes, linesOf, isLast, endOf, onAlive }: Omit<AgentRequest, 'url' | 'headers' | 'body' | 'signal'>,
): Promise<Pick<AgentAnswer, 'body' | 'tooLarge'>> {
  const maxBytes = limitBytes(head);
  const take = linesOf(head);
  const lines = take && createLineFeed(take, MAX_LINE_CHARS);
  const isEnd = endOf?.(head);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const plain = plainChunks(body, head.headers['content-encoding'], { guess: true });
  for await (const chunk of plain) {
    onAlive();
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) return { body: Buffer.concat(chunks), tooLarge: true };
    if (lines === null) {
      chunks.push(chunk);
      if (isEnd?.(chunk)) break;
    }
    // Who has heard enough hangs up.
    else if (!(await lines.write(chunk)) || (mayEndLine(chunk) && isLast?.(lines.unended()))) break;
  }
  await lines?.end();
  return { body: Buffer.concat(chunks), tooLarge: false };
}

/** Asked first, since an unended line may be long, and come in many pieces. */
function mayEndLine(chunk: Uint8Array): boolean {
  return /[\]}]\s*$/.test(Buffer.from(chunk.subarray(-8)).toString('latin1'));
}

function joinHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value ?? '')]));
}
