import { HttpError } from '../api/problem.ts';
import { alertmanager } from './dialects/alertmanager.ts';
import { bark } from './dialects/bark.ts';
import { github } from './dialects/github.ts';
import { gotify } from './dialects/gotify.ts';
import { grafana } from './dialects/grafana.ts';
import { native } from './dialects/native.ts';
import { ntfy } from './dialects/ntfy.ts';
import { openilink } from './dialects/openilink.ts';
import { serverchan } from './dialects/serverchan.ts';
import { slack } from './dialects/slack.ts';
import { telegram } from './dialects/telegram.ts';
import { uptimeKuma } from './dialects/uptime-kuma.ts';
import { wecom } from './dialects/wecom.ts';
import type { Dialect, PushRequest } from './port/dialect.ts';

/** wxagent's own form. */
export const NATIVE: Dialect = native;

/** The services whose clients can push here. At the root of the server, the first that has a path gets it. */
export const DIALECTS: readonly Dialect[] = [
  ...[gotify, openilink, telegram, wecom, slack, serverchan, bark, ntfy],
  ...[alertmanager, grafana, uptimeKuma, github],
];

/** The dialect that a request is in: by the name in its path, or by the path that its service has. */
export async function resolveDialect(
  request: PushRequest,
): Promise<{ dialect: Dialect; token: string | null; request: PushRequest } | null> {
  const [, token, name, rest = ''] = /^\/push\/([^/]+)(?:\/([^/]*))?(\/.*)?$/.exec(request.path) ?? [];
  if (token !== undefined) {
    const dialect = name === undefined || name === '' ? NATIVE : DIALECTS.find((one) => one.name === name);
    if (dialect) return { dialect, token, request: { ...request, path: oneSlash(rest) } };
    throw new HttpError(404, 'not-found', `there is no dialect ${JSON.stringify(name?.slice(0, 80))}`, {
      hint: `there are ${DIALECTS.map((one) => one.name).join(', ')}`,
    });
  }
  for (const dialect of [NATIVE, ...DIALECTS])
    if (await dialect.isOwn?.(request)) return { dialect, token: null, request };
  return null;
}

/** A path of clients that were given an address with a slash at its end, and append theirs with another. */
export function oneSlash(path: string): string {
  return path.replace(/^\/*/, '/');
}
