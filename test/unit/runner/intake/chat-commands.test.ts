import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHAT_COMMANDS, readChatText } from '../../../../src/runner/intake/chat-commands.ts';
import type { ChatCommand } from '../../../../src/store/port/port.ts';

const FOR_AGENT = { command: null, agentFrom: 0 };

const names = Object.entries(CHAT_COMMANDS).flatMap(([command, { en, zh }]) =>
  [en, en.toUpperCase(), zh].map((name) => [name, command as ChatCommand] as const),
);

test.each(names)(
  '/%s is %s, with either slash, with blanks around it and punctuation behind it',
  (name, command) => {
    for (const text of [`/${name}`, `／${name}`, `  / ${name} \n`, `/${name}!`, `／${name}。`]) {
      expect(readChatText(text), text).toEqual({ command, agentFrom: null });
    }
  },
);

test('letters may be of either width, as input methods of Chinese write them', () => {
  expect(readChatText('／ｓｔｏｐ')).toEqual({ command: 'stop', agentFrom: null });
  expect(readChatText('/ＮＥＷ now')).toEqual({ command: 'new', agentFrom: 5 });
});

test.each(names)(
  'words behind /%s change nothing, but those behind /new are for the agent',
  (name, command) => {
    const text = `/${name}, and this\ntoo`;
    const { command: read, agentFrom } = readChatText(text);
    expect(read).toBe(command);
    expect(agentFrom === null ? null : text.slice(agentFrom)).toBe(
      command === 'new' ? 'and this\ntoo' : null,
    );
  },
);

test.each([
  'stop',
  'please /stop',
  '/stopping',
  '/stop-it',
  '/stop_it',
  '/new.txt',
  '/newer',
  '/停下',
  '/etc/hosts',
  '/usr/bin/new file',
  '/unknown',
  '/',
  '／',
  '/ ',
  '',
  '\\stop',
  '⁄stop',
])('%j is for the agent, as it is', (text) => {
  expect(readChatText(text)).toEqual(FOR_AGENT);
});

test.each([
  ['//stop', '/stop'],
  ['／／停', '／停'],
  ['//x y', '/x y'],
  ['/／new', '／new'],
  ['  //new x', '/new x'],
  ['///', '//'],
])('%j gives the agent %j', (text, expected) => {
  const { command, agentFrom } = readChatText(text);
  expect([command, text.slice(agentFrom ?? undefined)]).toEqual([null, expected]);
});

test('whatever is written: what does not begin with a slash is left alone, and never more is cut than there is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { command, agentFrom } = readChatText(text);
      expect(agentFrom ?? 0).toBeLessThanOrEqual(text.length);
      if (!/^\s*[/／]/.test(text)) expect({ command, agentFrom }).toEqual(FOR_AGENT);
    }),
  );
});
