import { expect, test } from 'vitest';
import { newSourceToken, withoutSourceTokens } from '../../../src/web/access/secrets.ts';

test.each(['/push/$T/ntfy', '/message?token=$T', '/bot123:$T/sendMessage', '/bot$T/sendMessage', '/$T.send'])(
  'the token of a source is in no log: POST %s',
  (path) => {
    const token = newSourceToken();
    const told = withoutSourceTokens(`POST ${path.replace('$T', token)}: the store is gone`);
    expect(told).toBe(`POST ${path.replace('$T', '***')}: the store is gone`);
  },
);
