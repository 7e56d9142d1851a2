import { expect, test } from 'vitest';
import { botIdOfToken } from '../../../../src/ilink/login/bot-id.ts';

test.each([
  ['c41f09aa77be@im.bot:0600aa11', 'c41f09aa77be@im.bot'],
  ['a:b@im.bot:secret', 'a:b@im.bot'],
  ['c41f09aa77be@im.bot', 'token-f56146b3'],
  ['abc', 'token-ba7816bf'],
  ['user@im.wechat:abc', 'token-50ef175b'],
])('%s belongs to %s', (token, botId) => {
  expect(botIdOfToken(token)).toBe(botId);
});
