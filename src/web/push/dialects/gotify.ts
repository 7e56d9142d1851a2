import { HttpError } from '../../api/problem.ts';
import { formOf, objectIn, textIn } from '../port/content.ts';
import { bearerOf } from '../port/credentials.ts';
import { type Dialect, json, PLAIN } from '../port/dialect.ts';
import { takes } from './native.ts';

const ERRORS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Request Entity Too Large',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

/** `POST /message?token=`. */
export const gotify: Dialect = {
  name: 'gotify',
  isOwn: ({ path }) => ['/message', '/message/', '/health', '/version'].includes(path),
  probe: ({ path }) => {
    if (path === '/health') return json(200, { health: 'green', database: 'green' });
    return path === '/version' ? json(200, { version: '2.6.0', commit: 'wxagent', buildDate: '' }) : null;
  },
  tokenOf: ({ query, headers }) =>
    query.get('token') ?? textIn(headers, 'x-gotify-key') ?? bearerOf(headers.authorization),
  async read(request) {
    if (!/^\/message\/?$/.test(request.path)) throw new HttpError(404, 'not-found', 'page not found');
    takes(request.method, 'POST');
    // Its server reads a query beside the body.
    const fields = { ...formOf(request.query), ...(await request.content()).fields };
    const text = textIn(fields, 'message');
    if (text === null) throw new HttpError(400, 'usage', "Field 'message' is required");
    const extras = objectIn(fields, 'extras');
    const click = objectIn(objectIn(extras, 'client::notification'), 'click');
    const type = objectIn(extras, 'client::display').contentType;
    return {
      push: {
        ...PLAIN,
        title: textIn(fields, 'title'),
        text,
        form: type === 'text/markdown' ? 'wechat' : 'raw',
        link: textIn(click, 'url'),
        isImportant: Number(textIn(fields, 'priority') ?? 0) >= 8,
      },
    };
  },
  accepted: ({ parts, pushed: { title, text }, nowMs }) =>
    json(200, {
      ...{ id: parts[0]?.seq ?? 0, appid: 1, message: text, title: title ?? '', priority: 0 },
      date: new Date(nowMs).toISOString(),
    }),
  refused: ({ status, detail }) =>
    json(status, {
      error: ERRORS[status] ?? 'Internal Server Error',
      errorCode: status,
      errorDescription: detail,
    }),
};
