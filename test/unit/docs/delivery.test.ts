import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, readPage } from '../../helpers/pages.ts';
import { makeFolder } from '../../helpers/wxagent.ts';

/** The words a promise begins with, and by file the titles of the tests that hold it. */
const bindings = JSON.parse(readPage('test/promises.json')) as Record<string, Record<string, string[]>>;

/** What `npm test` says after a run of vitest in which every bound test has passed, but for these titles. */
function verdictOn(others: Record<string, 'failed' | 'skipped' | 'absent'>) {
  const files = new Map<string, { title: string; status: string }[]>();
  const add = (file: string, title: string): void => {
    const status = others[title] ?? 'passed';
    const tests = files.get(file) ?? [];
    if (status !== 'absent' && !tests.some((test) => test.title === title)) tests.push({ title, status });
    files.set(file, tests);
  };
  add('test/unit/docs/x.test.ts', 'a table');
  for (const bound of Object.values(bindings)) {
    for (const [file, titles] of Object.entries(bound)) for (const title of titles) add(file, title);
  }
  const testResults = [...files].map(([file, tests]) => ({
    name: join(ROOT, file),
    status: tests.some(({ status }) => status === 'failed') ? 'failed' : 'passed',
    assertionResults: tests.map(({ title, status }) => {
      const words = title.split(' > ');
      return { ancestorTitles: words.slice(0, -1), title: words.at(-1), status };
    }),
  }));
  const report = join(makeFolder(), 'report.json');
  writeFileSync(report, JSON.stringify({ testResults }));
  const { status, stdout } = spawnSync(process.execPath, ['scripts/test.mjs', '--report', report], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { code: status, lines: stdout.trimEnd().split('\n') };
}

test('every promise is bound to tests, and nothing else is', () => {
  expect(Object.keys(bindings).length).toBeGreaterThan(50);
  const { code, lines } = verdictOn({});
  expect(lines.slice(0, -1)).toEqual([
    'documents and linter rows: 1 hold, 0 do not',
    `promises: all ${Object.keys(bindings).length} are held`,
  ]);
  expect(lines.at(-1)).toMatch(/^\d+ passed, 0 failed$/);
  expect(code).toBe(0);
});

test('a bound test that fails, is skipped or is not there breaks its promise; documents count apart', () => {
  const [failed, skipped, absent] = Object.values(bindings).map(
    (bound) => Object.values(bound)[0]?.[0] ?? '',
  );
  const others = {
    [String(failed)]: 'failed',
    [String(skipped)]: 'skipped',
    [String(absent)]: 'absent',
  } as const;
  const { code, lines } = verdictOn({ ...others, 'a table': 'failed' });
  for (const [title, status] of Object.entries(others)) {
    const why = status === 'absent' ? 'no test' : 'not passed';
    expect(lines.filter((line) => line.includes(`: ${why}: `) && line.endsWith(`: ${title}`))).not.toEqual(
      [],
    );
  }
  expect(lines).toContain('documents and linter rows: 0 hold, 1 do not');
  // The failed test itself, the documents and the promises.
  expect(lines.at(-1)).toMatch(/^\d+ passed, 3 failed$/);
  expect(code).toBe(1);
});
