import { describe, expect, test } from 'vitest';
import { type ChatLanguage, languageIn } from '../../../../src/core/message/language.ts';
import { failureNotice, mergeHeld } from '../../../../src/runner/delivery/notices.ts';

describe('the language of a notice', () => {
  test.each([
    ['hello', 'en'],
    ['run the tests, please', 'en'],
    ['привет', 'en'],
    ['ok 好', 'zh'],
    ['好', 'zh'],
    ['/停', 'zh'],
    ['𠮷', 'zh'],
    ['看 https://example.com/a', 'zh'],
    ['see https://example.com/a', 'en'],
  ])('after %j it is %s', (text, language) => {
    expect(languageIn(text)).toBe(language);
  });

  test.each([
    ['', '1', '👍', '。，', 'ok', 'OK!', 'y', 'yes', '666', '...', '🏴‍☠️ 2'],
    ['https://example.com/a/path?q=1', 'www.example.com', 'me@example.com', '/status', '/help', '／new'],
    ['./run.sh', 'src/main.ts', 'my_file_name', 'C:\\my_dir\\a.txt', '192.168.1.1', 'a=b'],
  ])('%j and the like change nothing', (...texts) => {
    for (const text of texts) expect(languageIn(text), text).toBe(null);
  });

  test('a word without an end is read to its end in time', () => {
    expect(languageIn('a'.repeat(5_000_000))).toBe('en');
    expect(languageIn(`${'a'.repeat(5_000_000)}好`)).toBe('zh');
  });
});

describe('the notice of a failure', () => {
  const reasons = [
    'exit',
    'signal',
    'timeout',
    'spawn',
    'too-large',
    'bad-output',
    'http',
    'cancelled',
    'crash',
  ] as const;

  test('says something else for every reason, in both languages', () => {
    const all = reasons.flatMap((reason) => [
      failureNotice(reason, 'zh', { detail: null, hasCommands: false }),
      failureNotice(reason, 'en', { detail: null, hasCommands: false }),
    ]);
    expect(new Set(all).size).toBe(2 * reasons.length);
  });

  test('says nothing of the agent’s own words unless they are given', () => {
    expect(failureNotice('exit', 'en', { detail: null, hasCommands: false })).not.toContain('\n');
    expect(failureNotice('exit', 'en', { detail: 'no such model', hasCommands: false }).split('\n')).toEqual([
      expect.any(String),
      'no such model',
    ]);
    expect(failureNotice('exit', 'zh', { detail: 'no such model', hasCommands: false }).split('\n')).toEqual([
      expect.any(String),
      'no such model',
    ]);
  });
});

test.each([
  ['zh', '/重来'],
  ['en', '/again'],
] as const)(
  'a failure notice names the command that runs it again where there is one (%s)',
  (language, command) => {
    const notice = (hasCommands: boolean) => failureNotice('exit', language, { detail: 'why', hasCommands });
    expect(notice(true).split('\n').at(-1)).toContain(command);
    expect(notice(false)).not.toContain(command);
  },
);

describe('held texts joined', () => {
  const now = new Date(2026, 10, 22, 10, 31);
  const at = (day: number, hour: number, minute: number): number =>
    new Date(2026, 10, day, hour, minute).getTime();
  const merge = (expired: number, ...held: [text: string, origin: string, createdAtMs: number][]): string =>
    mergeIn('en', expired, ...held);
  const mergeIn = (
    language: ChatLanguage,
    expired: number,
    ...held: [text: string, origin: string, createdAtMs: number][]
  ): string =>
    mergeHeld(
      held.map(([text, origin, createdAtMs]) => ({ text, origin, createdAtMs })),
      expired,
      language,
      now.getTime(),
    );

  test('an answer of today stands as it is, an empty line between two', () => {
    expect(merge(0, ['one', 'answer', at(22, 9, 5)], ['two', 'notice', at(22, 9, 6)])).toBe('one\n\ntwo');
  });

  test('what send has queued is stamped with its time', () => {
    expect(merge(0, ['backup done', 'send', at(22, 9, 5)])).toBe('[09:05]\nbackup done');
  });

  test('what is of an earlier day is stamped with day and time, whoever wrote it', () => {
    expect(merge(0, ['one', 'answer', at(21, 23, 59)], ['two', 'send', at(1, 0, 0)])).toBe(
      '[11-21 23:59]\none\n\n[11-01 00:00]\ntwo',
    );
  });

  test('released, refused and held again it is not stamped a second time', () => {
    const once = merge(0, ['one', 'send', at(22, 9, 5)], ['two', 'send', at(22, 9, 6)]);
    expect(merge(0, [once, 'send', at(22, 9, 5)])).toBe(once);
    expect(merge(0, ['[11-20 08:00]\nold', 'answer', at(20, 8, 0)])).toBe('[11-20 08:00]\nold');
  });

  test('what has expired is counted first, in the language of the user', () => {
    expect(merge(2, ['one', 'answer', at(22, 9, 5)])).toMatch(/^\(2 .*\)\n\none$/);
    expect(mergeIn('zh', 2, ['one', 'answer', at(22, 9, 5)])).toMatch(/^（.*2.*）\n\none$/);
    expect(merge(3)).toMatch(/^\(3 .*\)$/);
    expect(merge(0)).toBe('');
  });
});
