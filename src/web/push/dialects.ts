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
import type { Dialect } from './port/dialect.ts';

/** wxagent's own form. */
export const NATIVE: Dialect = native;

/** The services whose clients can push here. At the root of the server, the first that has a path gets it. */
export const DIALECTS: readonly Dialect[] = [
  ...[gotify, openilink, telegram, wecom, slack, serverchan, bark, ntfy],
  ...[alertmanager, grafana, uptimeKuma, github],
];
