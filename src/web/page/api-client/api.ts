import { language } from '../../../page/language.ts';
import { clockAheadMs, isIn, noteTrouble, sessions } from './state.ts';
import { serverWords } from './words.ts';

const API = '/api/v1';
/** A store that hangs is one that is gone. */
const PATIENCE_MS = 15_000;
/** The header of a response tells whole seconds. */
const CLOCK_ERROR_MS = 1_500;

/** Why a request was refused. Its message is a sentence in the language of the page. */
export class Problem extends Error {
  /** The HTTP status; 0: nobody has answered. */
  readonly status: number;
  /** A kind of the table of exit codes; null: nobody of ours has answered. */
  readonly kind: string | null;
  /** What to do; null: nothing is known. */
  readonly hint: string | null;

  constructor(status: number, message: string, kind: string | null = null, hint: string | null = null) {
    super(message);
    this.status = status;
    this.kind = kind;
    this.hint = hint;
  }
}

/** How a request is made. */
export interface Asking {
  method?: 'GET' | 'POST' | 'DELETE';
  /** Sent as JSON; a form as it is. */
  body?: object | FormData;
  /** A key of {@link newKey}: the same request may be made again, and has its effect once. */
  key?: string;
  /** Lets go when it is aborted. */
  signal?: AbortSignal;
  /** It may take minutes. */
  isSlow?: boolean;
  /** The token of a guest, instead of the session of this browser. */
  token?: string;
}

/** Asks the API for something below `/api/v1`; {} for an answer without a body. Throws {@link Problem}. */
export async function ask<T = object>(path: string, asking: Asking = {}): Promise<T> {
  const { method, body, key, signal, token, isSlow = false } = asking;
  const session = sessions.peek();
  const isForm = body instanceof FormData;
  const headers: Record<string, string> = {
    'accept-language': language.value,
    ...(body && !isForm ? { 'content-type': 'application/json' } : {}),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const stop = new AbortController();
  const letGo = (): void => stop.abort();
  signal?.addEventListener('abort', letGo);
  const late = isSlow ? undefined : setTimeout(letGo, PATIENCE_MS);
  const answered = await fetch(API + path, {
    method: method ?? (body ? 'POST' : 'GET'),
    headers,
    body: body ? (isForm ? body : JSON.stringify(body)) : null,
    // The API never leads elsewhere: a proxy does, whose sign-in a request cannot show.
    redirect: 'manual',
    signal: stop.signal,
  })
    .then(async (response) => ({ response, text: await response.text() }))
    .catch((thrown: unknown) => {
      // Who has let go is told nothing.
      if (signal?.aborted) throw thrown;
      noteTrouble('server');
      throw new Problem(0, serverWords().noServer);
    })
    .finally(() => {
      clearTimeout(late);
      signal?.removeEventListener('abort', letGo);
    });
  const { response, text } = answered;
  noteClock(response.headers.get('date'));
  const answer = jsonOf(text);
  if (response.ok && answer !== null) {
    noteTrouble(null);
    return answer as T;
  }
  const problem = problemIn(answer, response.type === 'opaqueredirect' ? 302 : response.status);
  // A code that is wrong does not end the session that is there.
  if (
    problem.status === 401 &&
    problem.kind !== null &&
    token === undefined &&
    !(path === '/session' && body)
  ) {
    // It had the cookie of before somebody confirmed that it is they who sit here.
    if (sessions.peek() !== session) return ask(path, asking);
    isIn.value = false;
  }
  throw noted(problem, path);
}

/** Sends a form with files, and tells how far it is: `fetch` would not. Throws {@link Problem}. */
export function upload<T>(
  path: string,
  form: FormData,
  { key, signal, onProgress }: { key: string; signal: AbortSignal; onProgress: (share: number) => void },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', API + path);
    request.responseType = 'json';
    request.setRequestHeader('accept-language', language.value);
    request.setRequestHeader('idempotency-key', key);
    request.upload.addEventListener('progress', ({ loaded, total }) => onProgress(loaded / total));
    request.addEventListener('load', () => {
      if (request.status < 300) resolve(request.response as T);
      else reject(noted(problemIn(request.response, request.status), path));
    });
    request.addEventListener('error', async () => {
      const unreadable = await firstUnreadable(form);
      if (unreadable === null) noteTrouble('server');
      const { noServer, notReadable } = serverWords();
      reject(new Problem(0, unreadable === null ? noServer : notReadable(unreadable)));
    });
    request.addEventListener('abort', () => reject(signal.reason));
    signal.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}

/** A folder, or a file that was deleted or changed since it was chosen: a browser calls that a failure of the network. */
async function firstUnreadable(form: FormData): Promise<string | null> {
  for (const value of form.values()) {
    if (!(value instanceof File)) continue;
    const reader = value.stream().getReader();
    try {
      await reader.read();
    } catch {
      return value.name;
    } finally {
      void reader.cancel().catch(() => {});
    }
  }
  return null;
}

/** What makes a request one that has its effect once, however often it is made. */
export function newKey(): string {
  // Not randomUUID: over plain HTTP a browser has it on its own machine only.
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

function problemIn(answer: unknown, status: number): Problem {
  const { detail, kind, hint } = (answer ?? {}) as { detail?: string; kind?: string; hint?: string | null };
  if (detail === undefined || kind === undefined)
    return new Problem(status, status === 413 ? serverWords().tooLarge : serverWords().notOurs(status));
  return new Problem(status, detail, kind, hint ?? null);
}

/** Whatever asks, its failure may say how it stands with the server. */
function noted(problem: Problem, path: string): Problem {
  const { status, kind } = problem;
  if (kind === null && status > 500) noteTrouble('server');
  // Of what is too large for a proxy nothing else follows.
  else if (kind === null && status !== 413) noteTrouble('between');
  // Other routes ask more than the store: its server cannot be reached means it only where nothing else is asked.
  else if (kind === 'storage' || (path === '/session' && status > 500)) noteTrouble('store');
  else if (status < 500) noteTrouble(null);
  return problem;
}

/** What a body says: {} for none, null for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return null;
  }
}

function noteClock(date: string | null): void {
  const ahead = Date.parse(date ?? '') - Date.now();
  if (Math.abs(ahead - clockAheadMs.peek()) > CLOCK_ERROR_MS) clockAheadMs.value = ahead;
}
