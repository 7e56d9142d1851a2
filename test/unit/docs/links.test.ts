import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { allPages, headingsOf, proseOf, ROOT, readPage } from '../../helpers/pages.ts';

/** The anchor of a heading, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .replace(/^#+ /, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

const links = allPages().flatMap((path) =>
  [...proseOf(readPage(path)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !/^https?:/.test(target))
    .map((target) => ({ path, target })),
);

test.each(links)('$path links to $target', ({ path, target }) => {
  const [file = '', anchor] = target.split('#');
  const page = file === '' ? path : join(dirname(path), file);
  expect(existsSync(join(ROOT, page))).toBe(true);
  if (anchor !== undefined) expect(headingsOf(readPage(page)).map(anchorOf)).toContain(anchor);
});

test('there are links', () => {
  expect(links.length).toBeGreaterThan(15);
});
