import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  coprocessEnvironment,
  inheritEnvironment,
  turnEnvironment,
} from '../../../../src/agents/child/environment.ts';
import {
  cancelLine,
  eventLine,
  overlongLine,
  readCoprocessLine,
} from '../../../../src/agents/coprocess/line.ts';
import { blocksOf, readPage } from '../../../helpers/pages.ts';
import { turnWith } from '../support.ts';

const { $schema, $defs } = JSON.parse(readPage('docs/coprocess.schema.json'));
const follows = (part: 'input' | 'output', value: unknown): boolean =>
  z.fromJSONSchema({ $schema, $defs, $ref: `#/$defs/${part}` }).safeParse(value).success;

const folders = { media: '/m', reply: '/r', state: '/s' };

const answer = (over: object) => ({ kind: 'answer', id: '7', pieces: [], unread: [], close: null, ...over });

const GOOD: [line: object, read: object][] = [
  [{ id: '7', text: 'hi' }, answer({ pieces: [{ text: 'hi' }] })],
  [{ id: '7', text: 'hi', done: true }, answer({ pieces: [{ text: 'hi' }], close: { kind: 'done' } })],
  [{ id: '7', text: 'hi', done: false, extra: [1] }, answer({ pieces: [{ text: 'hi' }], unread: ['extra'] })],
  [{ id: '7', done: true, reply: 'hi' }, answer({ unread: ['reply'], close: { kind: 'done' } })],
  [{ id: '7', text: 'a', file: 'b' }, answer({ pieces: [{ text: 'a' }, { file: 'b', name: null }] })],
  [{ id: '7', text: null, file: 'b', name: null }, answer({ pieces: [{ file: 'b', name: null }] })],
  [{ id: '7', text: ' \n' }, answer({})],
  [{ id: '7', text: null, done: true }, answer({ close: { kind: 'done' } })],
  [{ id: '7', file: '/a.pdf' }, answer({ pieces: [{ file: '/a.pdf', name: null }] })],
  [
    { id: '7', file: 'a', name: 'b', done: true },
    answer({ pieces: [{ file: 'a', name: 'b' }], close: { kind: 'done' } }),
  ],
  [{ id: '7', typing: true }, answer({})],
  [{ id: '7', done: true }, answer({ close: { kind: 'done' } })],
  [{ id: '7', retryAfterMs: 0 }, answer({ close: { kind: 'retry', afterMs: 0 } })],
  [{ id: '7', retryAfterMs: 0.5 }, answer({ close: { kind: 'retry', afterMs: 1 } })],
  [{ id: '7', error: 'no' }, answer({ close: { kind: 'error', text: 'no' } })],
  [{ id: '7', error: '', done: true }, answer({ close: { kind: 'error', text: '' } })],
];

const BAD: [line: unknown, id: string | null][] = [
  ['text', null],
  [null, null],
  [['7'], null],
  [{}, null],
  [{ text: 'hi' }, null],
  [{ id: 7, text: 'hi' }, null],
  [{ id: '7' }, '7'],
  [{ id: '7', answer: 'hi' }, '7'],
  [{ id: '7', done: false }, '7'],
  [{ id: '7', typing: false }, '7'],
  [{ id: '7', text: 5, done: true }, '7'],
  [{ id: '7', retryAfterMs: -1 }, '7'],
  [{ id: '7', retryAfterMs: 86_400_001 }, '7'],
  [{ id: '7', retryAfterMs: '5' }, '7'],
  [{ id: '7', retryAfterMs: 1e18 }, '7'],
  [{ id: '7', error: { message: 'no' } }, '7'],
];

describe('a line of a coprocess', () => {
  test.each(GOOD)('%j says something, and the schema allows it', (line, read) => {
    expect(readCoprocessLine(JSON.stringify(line))).toEqual(read);
    expect(follows('output', line)).toBe(true);
  });

  test.each(BAD)('%j says nothing, and the schema refuses it', (line, id) => {
    expect(readCoprocessLine(JSON.stringify(line))).toMatchObject({ kind: 'bad', id });
    expect(follows('output', line)).toBe(false);
  });

  test('with a file that is no path costs nothing else, though the schema refuses it', () => {
    const line = { id: '7', text: 'hi', file: {}, done: true };
    const missing = { name: 'file', reason: 'unreadable', detail: 'file must be a path' };
    expect(readCoprocessLine(JSON.stringify(line))).toMatchObject(
      answer({ pieces: [{ text: 'hi' }, { missing }], close: { kind: 'done' } }),
    );
    expect(follows('output', line)).toBe(false);
  });

  test('that is the event itself is no answer to it', () => {
    expect(readCoprocessLine(eventLine(turnWith(), folders))).toMatchObject({
      kind: 'bad',
      id: turnWith().id,
    });
  });

  test('that is blank is nothing', () => {
    expect(readCoprocessLine(' \r')).toEqual({ kind: 'blank' });
  });

  test('is never a surprise', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(['blank', 'answer', 'bad']).toContain(readCoprocessLine(line).kind);
      }),
    );
  });

  test('over 1 MiB belongs to the turn whose id stands at its beginning', () => {
    const long = (line: object): string => JSON.stringify(line).padEnd(2 ** 20 + 1);
    expect(readCoprocessLine(long({ id: '7', text: 'x' }))).toMatchObject({ kind: 'bad', id: '7' });
    expect(readCoprocessLine(JSON.stringify({ id: '7', text: '好'.repeat(350_000) }))).toMatchObject({
      kind: 'bad',
    });
    expect(overlongLine('{ "text": "\\"id\\": \\"8\\", and so on')).toMatchObject({ id: null });
    expect(overlongLine('{"text":"\\"id\\":\\"8\\"", "id" : "7"')).toMatchObject({ id: '7' });
  });
});

test('the lines that the page shows follow the schema', () => {
  const [given, answered] = blocksOf(readPage('docs/coprocess.md'))
    .filter(({ language }) => language === 'jsonl')
    .map(({ text }) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  expect(given?.map((line) => follows('input', line))).toEqual([true, true]);
  expect(Object.keys(given?.[0])).toEqual($defs.message.required);
  expect(answered?.map((line) => follows('output', line))).toEqual(Array(5).fill(true));
});

describe('what a coprocess gets', () => {
  const attachment = {
    kind: 'image',
    path: '/a',
    name: null,
    mime: null,
    sizeBytes: 1,
    durationMs: null,
    error: null,
  } as const;

  test('follows the schema, which names every field', () => {
    const turn = turnWith({
      attachments: [attachment],
      quote: { id: null, text: 'q', attachments: [attachment] },
    });
    const event = JSON.parse(eventLine(turn, folders)) as Record<string, unknown>;
    expect(follows('input', event)).toBe(true);
    expect(follows('input', JSON.parse(eventLine(turnWith(), folders)))).toBe(true);
    expect(follows('input', JSON.parse(cancelLine('7')))).toBe(true);
    expect($defs.message.required).toEqual(Object.keys(event));
    expect(Object.keys($defs.message.properties)).toEqual(Object.keys(event));
    expect($defs.attachment.required).toEqual(Object.keys(attachment));
    for (const name of Object.keys(event))
      expect(follows('input', { ...event, [name]: undefined }), name).toBe(false);
  });

  test('its environment has all variables of a turn that do not change from one to the next', () => {
    const inherited = inheritEnvironment({});
    const constants = { home: '/h', store: null, baseUrl: 'u', cdnUrl: 'c', bin: 'b', version: '1' };
    const turn = turnEnvironment(turnWith({ text: 'x'.repeat(40_000) }), folders, inherited, constants);
    const user = { id: turnWith().user, stateDir: '/s' };
    const own = coprocessEnvironment(
      { id: turnWith().account, name: 'home' },
      user,
      inheritEnvironment(turn),
      constants,
    );
    const changing =
      /^WXAGENT_(MESSAGE_ID|SESSION_ID|TURN|ATTEMPT|KIND|TIME|TEXT.*|QUOTE|FILE.*|MEDIA_DIR|REPLY_DIR)$/;
    expect(own).toEqual(Object.fromEntries(Object.entries(turn).filter(([name]) => !changing.test(name))));
  });
});
