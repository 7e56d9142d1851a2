import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createHttpAgent } from '../../agents/http/agent.ts';
import { createAgentSender } from '../../agents/http/client/sender.ts';
import { readEndpoint } from '../../agents/http/endpoint.ts';
import type { AttachmentServer } from '../../agents/http/request/attachment-server.ts';
import type { AttachmentForm } from '../../agents/http/request/attachments.ts';
import { parseHeader } from '../../agents/http/request/options.ts';
import { parseWebhookSecret } from '../../agents/http/request/webhook-signature.ts';
import { reasonOf, WxError } from '../../core/errors.ts';
import { proxiesOf } from '../../core/http/proxy.ts';
import { AGENT } from '../../settings/tables/agent.ts';
import type { PrepareAgent } from './agent-factory.ts';

export const prepareHttpAgent: PrepareAgent<string> = async (context, http) => {
  const { environment, clock, log, cwd } = context;
  const given = context.settings;
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
    endpoint: readEndpoint(flags, environment.all, (path) => readTemplate(resolve(cwd, path))),
    headers: given.header.map((one) => parseHeader(one, environment.all)),
    secret: secret === undefined ? null : parseWebhookSecret(secret),
    attachments: given.httpAttachments,
    clock,
    log,
  };
  // A wrong proxy is reported now, not by every turn.
  proxiesOf(environment.all).proxyFor(options.endpoint.url);
  const server = await serverFor(given.httpAttachments, given.httpAttachmentsHost);
  return () => createHttpAgent({ ...options, server, sender: createAgentSender(environment.all) });
};

/** Shared by the accounts, for as long as the process lives; null where attachments are not fetched. */
async function serverFor(form: AttachmentForm, host: string): Promise<AttachmentServer | null> {
  if (form === 'url') {
    const { openAttachmentServer, parseAttachmentHost } = await import(
      '../../agents/http/request/attachment-server.ts'
    );
    return openAttachmentServer(parseAttachmentHost(host));
  }
  if (host === AGENT.httpAttachmentsHost.default) return null;
  throw new WxError('usage', '--http-attachments-host goes with --http-attachments url');
}

function readTemplate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new WxError('not-found', `cannot read the template of --http-body: ${reasonOf(error)}`);
  }
}
