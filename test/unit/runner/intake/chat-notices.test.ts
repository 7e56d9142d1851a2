import { describe, expect, test } from 'vitest';
import { encodeRaw } from '../../../../src/ilink/message/inbound.ts';
import { CHAT_COMMANDS } from '../../../../src/runner/intake/chat-commands.ts';
import { chatNotice } from '../../../../src/runner/intake/chat-notices.ts';
import type { ChatNotice } from '../../../../src/store/port/port.ts';
import { wireText } from '../support.ts';

const message = (text: string, textFrom = 0) => ({ raw: encodeRaw(wireText('1', text)), textFrom });
const status: ChatNotice = {
  about: 'status',
  running: 1,
  waiting: 2,
  held: 0,
  budgetLeft: 7,
  windowEndsAtMs: new Date(2026, 10, 23, 13, 5).getTime(),
};

const ALL: ChatNotice[] = [
  { about: 'stop', ended: true, dropped: 0 },
  { about: 'stop', ended: true, dropped: 1 },
  { about: 'stop', ended: false, dropped: 3 },
  { about: 'stop', ended: false, dropped: 0 },
  { about: 'new', unfinished: 0 },
  { about: 'new', unfinished: 1 },
  { about: 'new', unfinished: 2 },
  { about: 'again', message: message('hello'), isBusy: false },
  { about: 'again', message: null, isBusy: true },
  { about: 'again', message: null, isBusy: false },
  status,
  { ...status, held: 3 },
  { about: 'help' },
  { about: 'busy' },
];

describe.each(['zh', 'en'] as const)('notices (%s)', (language) => {
  const say = (news: ChatNotice) => chatNotice(news, language, 'sh agent.sh');

  test('each is of its own, and in the language', () => {
    const texts = ALL.map(say);
    expect(new Set(texts).size).toBe(ALL.length);
    for (const text of texts)
      expect(/\p{Script=Han}/u.test(text.replace(/^.*\/停.*$/gm, '')), text).toBe(language === 'zh');
  });

  test('help has every command under both names, and how to pass one on', () => {
    const help = say({ about: 'help' });
    for (const { en, zh } of Object.values(CHAT_COMMANDS)) {
      expect(help).toContain(`/${zh}`);
      expect(help).toContain(`/${en}`);
    }
    expect(help).toContain('//x');
  });

  test('a stop says what becomes of the queue', () => {
    expect(say({ about: 'stop', ended: true, dropped: 2 })).toMatch(/2.*(\/again|\/重来)/);
  });

  test('the status has the agent, what is at work, what may be sent, and until when', () => {
    for (const fact of ['sh agent.sh', '1', '2', '7', '11-23 13:05']) expect(say(status)).toContain(fact);
  });

  test('a message that runs again is quoted, on one line, cut, without what was for wxagent', () => {
    const quoted = (text: string, from?: number) =>
      say({ about: 'again', message: message(text, from), isBusy: false });
    expect(quoted('one\ntwo')).toMatch(/[“"]one two[”"]/);
    expect(quoted('//x', 1)).toMatch(/[“"]\/x[”"]/);
    expect(quoted('a'.repeat(50))).toMatch(/[“"]a{39}…[”"]/);
  });
});
