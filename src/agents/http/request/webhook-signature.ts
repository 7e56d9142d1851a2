import { createHmac } from 'node:crypto';
import { WxError } from '../../../core/errors.ts';

const PREFIX = 'whsec_';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** The key bytes of `WXAGENT_HTTP_SECRET=whsec_<base64>`. Throws WxError 'config' (78) for any other form. */
export function parseWebhookSecret(text: string): Buffer {
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : '';
  if (encoded === '' || !BASE64.test(encoded)) {
    throw new WxError('config', 'WXAGENT_HTTP_SECRET must be whsec_ followed by base64', {
      hint: 'export WXAGENT_HTTP_SECRET="whsec_$(head -c 32 /dev/urandom | base64)"',
    });
  }
  return Buffer.from(encoded, 'base64');
}

/** The three headers of Standard Webhooks for one request; the id is the same on every retry. */
export function signatureHeaders(
  key: Buffer,
  request: { messageId: string; timeMs: number; body: string },
): Record<string, string> {
  const id = `msg_${request.messageId}`;
  const timestamp = String(Math.floor(request.timeMs / 1000));
  const digest = createHmac('sha256', key).update(`${id}.${timestamp}.${request.body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${digest}` };
}
