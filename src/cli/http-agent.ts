import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createHttpAgent } from '../agents/http/agent.ts';
import type { AttachmentServer } from '../agents/http/attachment-server.ts';
import type { AttachmentForm } from '../agents/http/attachments.ts';
import { parseHeader } from '../agents/http/options.ts';
import { createAgentSender } from '../agents/http/sender.ts';
import { readHttpTerms } from '../agents/http/terms.ts';
import { parseWebhookSecret } from '../agents/http/webhook-signature.ts';
import { reasonOf, WxError } from '../core/errors.ts';
import { HTTP } from '../settings/http.ts';
import type { CommandContext } from './context.ts';
import type { AgentMaker } from './run-agent.ts';

const HTTP_SETTINGS = Object.keys(HTTP) as (keyof typeof HTTP)[];

/** The agent behind `--http`: everything given for it is checked here, before anything starts. */
export async function httpAgent(context: CommandContext, http: string): Promise<AgentMaker> {
  const { environment, clock, log, cwd } = context;
  const given = context.settings(HTTP_SETTINGS);
  const flags = {
    http,
    preset: given.httpPreset,
    body: given.httpBody,
    reply: given.httpReply,
    conversation: given.httpConversation,
    error: given.httpError,
  };
  const secret = environment.get('WXAGENT_HTTP_SECRET');
  const options = {
    terms: readHttpTerms(flags, environment.all, (path) => readTemplate(resolve(cwd, path))),
    headers: given.header.map((one) => parseHeader(one, environment.all)),
    secret: secret === undefined ? null : parseWebhookSecret(secret),
    attachments: given.httpAttachments,
    clock,
    log,
  };
  const server = await serverFor(given.httpAttachments, given.httpAttachmentsHost);
  return () => createHttpAgent({ ...options, server, sender: createAgentSender(environment.all) });
}

/** Shared by the accounts, for as long as the process lives; null where nobody fetches. */
async function serverFor(form: AttachmentForm, host: string): Promise<AttachmentServer | null> {
  if (form === 'url') {
    const { openAttachmentServer, parseAttachmentHost } = await import('../agents/http/attachment-server.ts');
    return openAttachmentServer(parseAttachmentHost(host));
  }
  if (host === HTTP.httpAttachmentsHost.default) return null;
  throw new WxError('usage', '--http-attachments-host goes with --http-attachments url');
}

function readTemplate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new WxError('not-found', `cannot read the template of --http-body: ${reasonOf(error)}`);
  }
}
