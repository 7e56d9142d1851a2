import { describe, expect, it } from 'vitest';
import { createAcpReply } from '../../../../src/agents/acp/turn/reply.ts';
import { createToolCalls } from '../../../../src/agents/acp/turn/tool-calls.ts';

const text = (words: string) => [{ type: 'content', content: { type: 'text', text: words } }];
const describeCall = (call: object, before: object[] = [], language: 'en' | 'zh' = 'en') => {
  const calls = createToolCalls();
  for (const [n, update] of before.entries()) {
    calls.take({ sessionUpdate: n === 0 ? 'tool_call' : 'tool_call_update', toolCallId: 't', ...update });
  }
  return calls.describe({ toolCallId: 't', ...call }, language);
};

describe('what an agent asks permission for', () => {
  it.each([
    // As kimi, claude, opencode, copilot and gemini have asked.
    [
      'is found in the call that it names',
      { title: 'Bash', content: text('Requesting approval to Running: ls /') },
      [{ title: 'Bash', kind: 'execute', content: text('{"command":"rm -rf /","description":"tidy"}') }],
      '[execute] Bash\nrm -rf /\nRequesting approval to Running: ls /\ndescription: tidy',
    ],
    [
      'is found where the request has only an id',
      { rawInput: {} },
      [{ title: 'exec', kind: 'execute', rawInput: { command: 'mkdir -p /x' } }],
      '[execute] exec\nmkdir -p /x',
    ],
    [
      'is found in a list of blocks',
      {
        title: 'Run rm 1.txt',
        content: [{ type: 'content', content: [{ type: 'text', text: 'outside the sandbox' }] }],
        rawInput: { command: '', reason: 'outside the sandbox' },
      },
      [],
      'Run rm 1.txt\noutside the sandbox',
    ],
    [
      'is found in an update of it',
      { title: 'Terminal' },
      [
        { title: 'Terminal', rawInput: {} },
        { rawInput: { command: 'make' }, kind: 'execute' },
      ],
      '[execute] Terminal\nmake',
    ],
    [
      'shows the first lines of a change',
      {
        title: '/w/a.txt',
        kind: 'edit',
        rawInput: { filepath: '/w/a.txt', diff: 'Index: ...' },
        content: [{ type: 'diff', path: '/w/a.txt', oldText: 'a\nb\nc\n', newText: 'a\nB\nc\n' }],
      },
      [],
      '[edit] /w/a.txt\n- b\n+ B',
    ],
    [
      'shows every path of a change',
      {
        title: 'Write',
        kind: 'edit',
        locations: [{ path: '/w/x' }],
        content: [{ type: 'diff', path: '/etc/y', newText: 'z' }],
      },
      [],
      '[edit] Write\n/w/x\n/etc/y\n+ z',
    ],
    [
      'shows all arguments of a tool nobody knows',
      { title: 'mail', rawInput: { to: 'a@b', copies: ['c@d'], force: true, none: null } },
      [],
      'mail\nto: a@b\ncopies: ["c@d"]\nforce: true',
    ],
    [
      'shows a command whose title says another',
      { title: 'confirm', rawInput: { command: 'rm' } },
      [],
      'confirm\nrm',
    ],
    [
      'shows the words of a command',
      { title: 'x', rawInput: { command: ['rm', '-rf', '/'] } },
      [],
      'x\nrm -rf /',
    ],
    [
      'says when only a name is known',
      { title: 'Bash' },
      [],
      'Bash\n(The agent says no more than this name.)',
    ],
    [
      'says when not even that is known',
      {},
      [],
      'something it does not name\n(The agent says no more than this name.)',
    ],
  ])('%s', (_, call, before, shown) => {
    expect(describeCall(call, before)).toBe(shown);
  });

  it('differs where only the kind does, in the language of the user', () => {
    const kinds = ['delete', 'read', 'of a later protocol'];
    const shown = kinds.map((kind) => describeCall({ title: '/w/a', kind }, [], 'zh').split('\n')[0]);
    expect(shown).toEqual(['[删除] /w/a', '[读取] /w/a', '[of a later protocol] /w/a']);
  });

  it('cannot be hidden by what a terminal or a phone would obey', () => {
    const shown = describeCall({
      title: 'ls',
      rawInput: { command: 'rm -rf ~\rls\u001b[2K\u202e\u200b\u2028x\u3164' },
    });
    expect(shown).toBe('ls\nrm -rf ~\\rls\\u{1b}[2K\\u{202e}\\u{200b}\\u{2028}x\\u{3164}');
  });

  it('is bounded, and shows both ends of what is too long', () => {
    const long = `${'\n'.repeat(500)}${'\u0000'.repeat(1_000_000)}; rm -rf ~`;
    const call = {
      title: long,
      rawInput: {
        command: long,
        cmd: long,
        a: long,
        ...Object.fromEntries(Array.from({ length: 99 }, (_, n) => [`k${n}`, long])),
      },
      locations: Array.from({ length: 999 }, (_, n) => ({ path: `/${n}` })),
      content: [...text(long), { type: 'diff', path: long, oldText: long, newText: 'x\n'.repeat(9_999) }],
    };
    const shown = describeCall(call, [call]);
    expect(shown.length).toBeLessThan(2_600);
    expect(describeCall({ title: 'x', rawInput: { command: `${'a'.repeat(5_000)}; rm -rf ~` } })).toMatch(
      /chars\) \.\.\. a+; rm -rf ~$/,
    );
  });
});

describe('a reply', () => {
  const chunk = (words: string, messageId?: string) => ({
    sessionUpdate: 'agent_message_chunk',
    content: { type: 'text', text: words },
    ...(messageId ? { messageId } : {}),
  });
  const said = async (updates: (object | 'asks')[]) => {
    const reply = createAcpReply();
    for (const update of updates)
      update === 'asks' ? reply.interrupt() : reply.take(update as Record<string, unknown>);
    const [piece] = await reply.pieces(() => '');
    return piece && 'text' in piece ? piece.text : null;
  };
  const update = { sessionUpdate: 'tool_call_update', toolCallId: '1' };

  it.each([
    ['a question ends a text', [chunk('I run it.'), 'asks', chunk('Done.')], 'I run it.\n\nDone.'],
    ['an update of a call ends a text', [chunk('I run it.'), update, chunk('Done.')], 'I run it.\n\nDone.'],
    [
      'but not one that goes on by its id',
      [chunk('I run ', 'm'), update, 'asks', chunk('it.', 'm')],
      'I run it.',
    ],
    [
      'a warning is a message of its own',
      [chunk('Warning: old.\n\n'), chunk('Hi '), chunk('you')],
      'Warning: old.\n\nHi you',
    ],
    [
      'an error, too',
      [chunk('Hello'), chunk('\n'), chunk('Error: x'), chunk('Bye')],
      'Hello\n\nError: x\n\nBye',
    ],
    ['but not words of a text', [chunk('It says '), chunk('Error: '), chunk('x')], 'It says Error: x'],
    [
      'nor of a text with an id',
      [chunk('Log:\n', 'm'), chunk('Info: a', 'm'), chunk('b', 'm')],
      'Log:\nInfo: ab',
    ],
    ['nor of code', [chunk('```\n'), chunk('Error: x'), chunk('y\n```')], '```\nError: xy\n```'],
    [
      'nor of code whose fence comes in pieces',
      ['`', '``', '\n', 'Error: x', 'y'].map((one) => chunk(one)),
      '```\nError: xy',
    ],
    [
      'but behind code',
      ['a\n```\nb\n``', '`', '\n', 'Error: x', 'y'].map((one) => chunk(one)),
      'a\n```\nb\n```\n\nError: x\n\ny',
    ],
  ] as const)('%s', async (_, updates, text) => {
    expect(await said([...updates])).toBe(text);
  });
});
