import { describe, expect, it } from 'vitest';
import { parseAgentUrl, parseHeader } from '../../../../src/agents/http/request/options.ts';
import {
  parseWebhookSecret,
  signatureHeaders,
} from '../../../../src/agents/http/request/webhook-signature.ts';

describe('the settings of --http', () => {
  it('are headers, with variables from the environment', () => {
    const environment = { TOKEN: 'abc ', EMPTY: '' };
    expect(parseHeader(`Authorization: Bearer \${TOKEN}`, environment)).toEqual([
      'Authorization',
      'Bearer abc',
    ]);
    expect(parseHeader(`X-A:b:c\${EMPTY}$TOKEN`, environment)).toEqual(['X-A', 'b:c$TOKEN']);
    expect(parseHeader('X-Empty:', environment)).toEqual(['X-Empty', '']);
  });

  it.each([
    '',
    'no colon',
    ': x',
    'a b: c',
    'Content-Length: 3',
    'X: a\nb',
    'X: 好',
    `X: \${UNSET}`,
    `X: \${EVIL}`,
  ])('are refused with 64: %j', (header) => {
    expect(() => parseHeader(header, { EVIL: 'a\r\nX-Other: b' })).toThrow(
      expect.objectContaining({ kind: 'usage', exit: 64 }),
    );
  });

  it('name the variable that is not set, and never a value', () => {
    expect(() => parseHeader(`X: \${UNSET}`, {})).toThrow(`\${UNSET}`);
    expect(() => parseHeader(`X: \${EVIL}`, { EVIL: 'secret\nx' })).toThrow(/^(?!.*secret)/);
  });

  it('are a URL', () => {
    expect(parseAgentUrl('https://user:p%40@host:8443/x?y').host).toBe('host:8443');
    for (const bad of ['', 'host/path', 'ftp://host', 'file:///etc/passwd', 'http://', 'http://100%@host/']) {
      expect(() => parseAgentUrl(bad)).toThrow(expect.objectContaining({ kind: 'usage', exit: 64 }));
    }
  });

  it('are a secret of the form of Standard Webhooks', () => {
    for (const bad of ['', 'secret', 'whsec_', 'whsec_not base64', 'whsec_abcde', 'WHSEC_YWJj']) {
      expect(() => parseWebhookSecret(bad)).toThrow(expect.objectContaining({ kind: 'config', exit: 78 }));
    }
    expect(parseWebhookSecret('whsec_YWJj').toString()).toBe('abc');
    expect(parseWebhookSecret('whsec_YQ').toString()).toBe('a');
  });

  it('sign as the reference of Standard Webhooks does', () => {
    const key = parseWebhookSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const request = {
      messageId: 'p5jXN8AQM9LWM0D4loKWxJek',
      timeMs: 1_614_265_330_000,
      body: '{"test": 2432232314}',
    };
    expect(signatureHeaders(key, request)).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });
});
