import { expect, test } from 'vitest';
import { tellPushes } from '../../../../src/runner/delivery/push-texts.ts';

const one = { source: 'nas', text: 'disk full', cameAtMs: 0, reason: null };
const none = { count: 0, limit: 0, quiet: 0, lastAtMs: 0 };
const last = { pushes: [one], others: none, uncounted: 0, waiting: 3, isLast: true, isAsked: false };

test('the last text asks for a word, in both languages; who was asked already is told only what waits', () => {
  expect(tellPushes(last, 'en')).toMatch(
    /^disk full\n\nThis was the last .* 3 more wait: send me any word\.$/,
  );
  expect(tellPushes(last, 'zh')).toContain('还有 3 条在等：给我发任意一个字');
  const asked = { ...last, isAsked: true };
  expect(tellPushes(asked, 'en')).toMatch(/^disk full\n\nThis was the last .* 3 more wait\.$/);
  expect(tellPushes(asked, 'zh')).toMatch(/还有 3 条在等。$/);
  expect(tellPushes({ ...asked, waiting: 0 }, 'en')).toBe('disk full');
});
