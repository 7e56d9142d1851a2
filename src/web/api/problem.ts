import { asWxError, type ErrorKind, FileMissing, WxError } from '../../core/errors.ts';
import { EXIT_CODES } from '../../core/exit-codes.ts';

/** The HTTP status of each kind of error, where the route says no other. */
const STATUS: Readonly<Record<ErrorKind, number>> = {
  usage: 422,
  data: 422,
  'not-found': 404,
  network: 502,
  internal: 500,
  'cannot-create': 507,
  storage: 503,
  busy: 409,
  protocol: 502,
  'not-logged-in': 409,
  config: 500,
  cancelled: 503,
};

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
};

/** The kinds of problems: those of the exit codes, and what only a browser is asked for. */
export const PROBLEM_KINDS = [...(Object.keys(EXIT_CODES) as ErrorKind[]), 'code-needed'] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

/** A refusal with a status of its own, and headers that go with it. */
export class HttpError extends WxError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    kind: ErrorKind,
    message: string,
    options: { hint?: string; headers?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
    super(kind, message, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** What went wrong, as RFC 9457 writes it, with the kind of the table of exit codes. */
export interface Problem {
  type: 'about:blank';
  title: string;
  status: number;
  detail: string;
  kind: ProblemKind;
  hint: string | null;
}

/** A refusal that a new one-time code ends: the page asks for one, and tries again. */
export class CodeNeeded extends HttpError {
  constructor() {
    super(403, 'not-logged-in', 'this needs a one-time code of the last 10 minutes', {
      hint: 'wxagent token code',
    });
  }
}

/** The same problem under another status. */
export function withStatus(problem: Problem, status: number): Problem {
  return { ...problem, title: TITLES[status] ?? 'Error', status };
}

/** Anything thrown as a problem. A bug says no more than that it is one: its words may be anybody's. */
export function problemOf(thrown: unknown): Problem {
  const error = asWxError(thrown);
  const status = error instanceof HttpError ? error.status : STATUS[error.kind];
  const isBug = error.kind === 'internal' && !(error instanceof FileMissing);
  return {
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    detail: isBug ? 'an unexpected failure: the log of the server has it' : error.message,
    kind: error instanceof CodeNeeded ? 'code-needed' : error.kind,
    hint: isBug ? null : (error.hint ?? null),
  };
}

/** A problem for whoever may not know where files and servers are, which failures of the store name. */
export function withoutPlaces(problem: Problem): Problem {
  if (problem.kind !== 'storage' && problem.kind !== 'cannot-create') return problem;
  const detail = 'the store cannot be used just now: the log of the server says why';
  return { ...problem, detail, hint: null };
}

/** The language of an `Accept-Language` header: Chinese where it comes first. */
export function languageOf(header: string | undefined): 'en' | 'zh' {
  return /^\s*zh\b/i.test(header ?? '') ? 'zh' : 'en';
}
