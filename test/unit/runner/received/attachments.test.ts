import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'silk-wasm';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { MediaSource } from '../../../../src/core/message/media.ts';
import { encodeRaw, readInbound } from '../../../../src/ilink/message/inbound.ts';
import type { WeixinMessage } from '../../../../src/ilink/wire/wire.ts';
import type { FetchResult } from '../../../../src/media/download/port.ts';
import { type AttachmentOptions, createAttachments } from '../../../../src/runner/received/attachments.ts';
import type { SpeechToText } from '../../../../src/runner/received/transcripts.ts';
import { createFolderMaker } from '../../../../src/runner/turns/folders.ts';
import type { QuotedContent } from '../../../../src/store/port/port.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { turnWith } from '../../agents/support.ts';
import { createLogBook } from '../support.ts';

const DAY_MS = 24 * 60 * 60_000;
const KEY = Buffer.alloc(16, 7);
const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';
const never = new AbortController().signal;

let home = '';
let log: ReturnType<typeof createLogBook>;
/** What lies on the CDN, by parameter: a file's name and content, or why there is none. */
let cdn: Map<string, { name: string; content: Uint8Array; mime?: string } | string>;
let fetched: { param: string | null; knownKeys: readonly Buffer[] }[];
let stored: QuotedContent | null;
let waiting: { user: string; raw: Buffer }[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'wxagent-attachments-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  log = createLogBook();
  [cdn, fetched, stored, waiting] = [new Map(), [], null, []];
  cdn.set('photo', { name: 'photo.jpg', content: Buffer.from('JPEG'), mime: 'image/jpeg' });
});

function attachments(over: Partial<AttachmentOptions> = {}) {
  return createAttachments({
    account: 'bot',
    inbox: {
      quoted: async () => stored,
      unfinishedContent: async () => waiting,
      mediaKeys: async ({ md5 }) => (md5 === MD5 ? [KEY] : []),
    },
    cache: join(home, 'cache'),
    sessions: join(home, 'sessions'),
    async fetch({ source, folder, knownKeys = [], signal }): Promise<FetchResult> {
      fetched.push({ param: source.param, knownKeys });
      const found = cdn.get(source.param ?? '') ?? 'it is not on the CDN any more';
      if (found === 'hang') {
        await pollUntil('the end', () => signal?.aborted === true);
        return { ok: false, failure: 'aborted', detail: 'stopped' };
      }
      if (typeof found === 'string') return { ok: false, failure: 'gone', detail: found };
      const { name, content, mime = null } = found;
      const path = join(folder, name);
      writeFileSync(path, content);
      const file = { path, name, mime, sizeBytes: content.length, md5: null };
      return { ok: true, file };
    },
    speechToText: null,
    place: 'turn',
    log,
    ...over,
  });
}

let turns = 0;

/** Folders of a turn, made when they are asked for. */
function turnFolders(base = join(home, 'turns')) {
  // Kept: those of other turns of the test are to stay.
  const maker = createFolderMaker({
    turns: base,
    state: () => join(home, 'state'),
    sessions: null,
    keep: true,
    log,
  });
  return maker(++turns, 'user', 'session').make;
}

const image = (param: string, over: object = {}) => ({
  type: 2,
  image_item: { media: { encrypt_query_param: param }, aeskey: KEY.toString('hex') },
  ...over,
});
const voice = (param: string, text?: string) => ({
  type: 3,
  voice_item: { media: { encrypt_query_param: param, aes_key: KEY.toString('base64') }, playtime: 900, text },
});
const file = (param: string, md5?: string, name = 'a.txt') => ({
  type: 4,
  file_item: {
    media: { encrypt_query_param: param, aes_key: KEY.toString('base64') },
    file_name: name,
    md5,
  },
});
const text = (words: string, ref_msg?: object) => ({ type: 1, text_item: { text: words }, ref_msg });

function message(...items: object[]): WeixinMessage {
  return { message_id: '1', from_user_id: 'user', item_list: items } as WeixinMessage;
}

/** `--stt`. */
const sttOf = (transcribe: SpeechToText['transcribe'], command = 'stt'): SpeechToText => ({
  command,
  transcribe,
});

/** What a message becomes. */
function completed(
  items: object[],
  over: Partial<AttachmentOptions> = {},
  folders = turnFolders(),
  signal = never,
) {
  const inbound = readInbound(message(...items));
  return attachments(over).complete(turnWith({ text: inbound.text }), inbound, folders, signal);
}

describe('a message with a picture', () => {
  test('lies in the folder of the turn, under a number and its name', async () => {
    const folders = turnFolders();
    const { attachments: all } = await completed([image('photo')], {}, folders);
    const path = join(folders().media, '1-photo.jpg');
    expect(all).toEqual([
      {
        kind: 'image',
        path,
        name: 'photo.jpg',
        mime: 'image/jpeg',
        sizeBytes: 4,
        durationMs: null,
        error: null,
      },
    ]);
    expect(readFileSync(path, 'utf8')).toBe('JPEG');
    expect(log.lines).toEqual([]);
  });

  test('is fetched once, also for the next run of its message', async () => {
    const [first] = (await completed([image('photo')])).attachments;
    cdn.clear();
    const [again] = (await completed([image('photo')])).attachments;
    expect(fetched).toHaveLength(1);
    expect(again).toEqual({ ...first, path: again?.path });
    expect(readFileSync(again?.path ?? '', 'utf8')).toBe('JPEG');
    // One content on the disk, and two links to it.
    expect(statSync(again?.path ?? '').ino).toBe(statSync(first?.path ?? '').ino);
  });

  test('is fetched again when an agent has written into it', async () => {
    const [first] = (await completed([image('photo')])).attachments;
    writeFileSync(first?.path ?? '', 'PNG!');
    utimesSync(first?.path ?? '', 1, 1);
    const [again] = (await completed([image('photo')])).attachments;
    expect(fetched).toHaveLength(2);
    expect(readFileSync(again?.path ?? '', 'utf8')).toBe('JPEG');
  });

  test('stays in the cache for who has no turn', async () => {
    const folders = (): never => {
      throw new Error('no folders are needed');
    };
    const [one] = (await completed([image('photo')], { place: 'cache' }, folders)).attachments;
    expect(one?.path?.startsWith(join(home, 'cache'))).toBe(true);
    expect(one?.path?.endsWith('/photo.jpg')).toBe(true);
    expect(lstatSync(join(home, 'cache')).mode & 0o777).toBe(0o700);
  });

  test('that cannot be fetched says why, and the rest of the message is there', async () => {
    const { attachments: all } = await completed([image('gone'), image('photo')]);
    const nothing = { kind: 'image', path: null, name: null, mime: null, sizeBytes: null, durationMs: null };
    expect(all[0]).toEqual({ ...nothing, error: 'it is not on the CDN any more' });
    expect(all[1]?.path?.endsWith('/2-photo.jpg')).toBe(true);
    expect(log.lines).toEqual(['warn image not fetched: it is not on the CDN any more']);
    expect(readdirSync(join(home, 'cache'))).toHaveLength(1);
  });

  test('that takes too long says so', async () => {
    cdn.set('slow', 'hang');
    const [one] = (await completed([image('slow')], { limitMs: 20 })).attachments;
    expect(one).toMatchObject({ path: null, error: 'it could not be fetched in time' });
  });

  test('is let go at a stop, without a word', async () => {
    cdn.set('slow', 'hang');
    const stop = new AbortController();
    const pending = completed([image('slow')], {}, turnFolders(), stop.signal);
    stop.abort('stop');
    expect((await pending).attachments).toMatchObject([{ path: null }]);
    expect(log.lines).toEqual([]);
  });

  test('is never written through a link that lies in the way', async () => {
    const victim = join(home, 'victim');
    writeFileSync(victim, 'mine');
    const folders = turnFolders();
    symlinkSync(victim, join(folders().media, '1-photo.jpg'));
    const [one] = (await completed([image('photo')], {}, folders)).attachments;
    expect(one?.path).toBe(join(folders().media, '1-2-photo.jpg'));
    expect(readFileSync(victim, 'utf8')).toBe('mine');
  });

  test('replaces a folder of the turn that is a link to elsewhere', async () => {
    const victim = join(home, 'victim');
    mkdirSync(join(victim, 'in'), { recursive: true });
    writeFileSync(join(victim, 'in', 'precious'), 'mine');
    mkdirSync(join(home, 'turns'));
    symlinkSync(victim, join(home, 'turns', String(turns + 1)));
    const [one] = (await completed([image('photo')])).attachments;
    expect(readFileSync(one?.path ?? '', 'utf8')).toBe('JPEG');
    expect(readdirSync(join(victim, 'in'))).toEqual(['precious']);
  });
});

test('a message of nothing but text needs no folder', async () => {
  const folders = (): never => {
    throw new Error('no folders are needed');
  };
  const turn = await completed([text('hi')], {}, folders);
  expect(turn).toEqual(turnWith({ text: 'hi' }));
  expect(existsSync(join(home, 'cache'))).toBe(false);
});

test('what content does not show, the name tells', async () => {
  cdn.set('f', { name: 'notes.MD', content: Buffer.from('# x') });
  cdn.set('g', { name: 'blob.xyz', content: Buffer.from('?') });
  const { attachments: all } = await completed([
    file('f', undefined, 'notes.MD'),
    file('g', undefined, 'blob.xyz'),
  ]);
  expect(all.map(({ mime }) => mime)).toEqual(['text/markdown', null]);
});

describe('a file that is sent again', () => {
  beforeEach(() => {
    cdn.set('first', { name: 'a.txt', content: Buffer.from('same') });
  });

  test('is not fetched again', async () => {
    await completed([file('first', MD5)]);
    await completed([file('second', MD5)]);
    expect(fetched.map(({ param }) => param)).toEqual(['first']);
  });

  test('has the name, and the type, under which it comes this time', async () => {
    const [first] = (await completed([file('first', MD5)])).attachments;
    const folders = turnFolders();
    const [again] = (await completed([file('second', MD5, 'b.csv')], {}, folders)).attachments;
    expect([first?.name, first?.mime]).toEqual(['a.txt', 'text/plain']);
    expect(again).toMatchObject({ name: 'b.csv', mime: 'text/csv', path: join(folders().media, '1-b.csv') });
    expect(fetched).toHaveLength(1);
  });

  test('is tried with the keys that came with it before', async () => {
    await completed([file('first', MD5), file('first')]);
    expect(fetched.map(({ knownKeys }) => knownKeys)).toEqual([[KEY], []]);
  });

  test("opens nobody else's", async () => {
    await completed([file('first', MD5)]);
    const inbound = readInbound(message(file('second', MD5)));
    const other = turnWith({ user: 'somebody else' });
    const { attachments: all } = await attachments().complete(other, inbound, turnFolders(), never);
    expect(all).toMatchObject([{ path: null }]);
  });
});

describe('a voice message', () => {
  const tone = async () => {
    const samples = Int16Array.from({ length: 24_000 }, (_, n) => Math.sin(n / 20) * 8_000);
    return Buffer.from((await encode(samples, 24_000)).data);
  };

  test('becomes WAV, as long as its sound is, and is decoded once', async () => {
    cdn.set('v', { name: 'voice.silk', content: await tone() });
    const { attachments: all, text: words } = await completed([voice('v')]);
    expect(all).toMatchObject([
      {
        kind: 'voice',
        name: 'voice.wav',
        mime: 'audio/wav',
        sizeBytes: 48_044,
        durationMs: 1_000,
        error: null,
      },
    ]);
    expect(all[0]?.path?.endsWith('/1-voice.wav')).toBe(true);
    expect(words).toBe('');
    const before = statSync(all[0]?.path ?? '').ino;
    const again = (await completed([voice('v')])).attachments[0]?.path ?? '';
    expect(statSync(again).ino).toBe(before);
  });

  test.each([
    ['AMR', Buffer.from('#!AMR\n\x3c\x91', 'latin1'), 'audio/amr'],
    ['SILK that cannot be decoded', Buffer.from('\x02#!SILK_V3', 'latin1'), null],
  ])('in %s is passed on as it came, as long as the phone says', async (_, content, mime) => {
    cdn.set('v', { name: 'voice', content, ...(mime && { mime }) });
    const { attachments: all } = await completed([voice('v')]);
    expect(all).toMatchObject([{ name: 'voice', mime, durationMs: 900, error: null }]);
    expect(readFileSync(all[0]?.path ?? '')).toEqual(content);
  });

  test('with a transcript is left on the CDN', async () => {
    const turn = await completed([voice('v', 'hello')], { speechToText: sttOf(async () => 'never asked') });
    expect(turn).toMatchObject({ text: 'hello', attachments: [] });
    expect(fetched).toEqual([]);
  });

  test('with a transcript is heard all the same by --stt-always, whose words take its place', async () => {
    cdn.set('v', { name: 'voice.silk', content: await tone() });
    const always = (heard: string | null, command: string) => ({
      speechToText: { ...sttOf(async () => heard, command), always: true },
    });
    const said = [text('look:'), voice('v', 'remind knee'), text('please')];
    const turn = await completed(said, always('remind me', 'good'));
    expect(turn).toMatchObject({
      text: 'look:\nremind me\nplease',
      attachments: [{ kind: 'voice', error: null }],
    });
    for (const [command, heard] of [
      ['failing', null],
      ['deaf', ' \n'],
    ] as const) {
      expect((await completed(said, always(heard, command))).text).toBe('look:\nremind knee\nplease');
    }
    cdn.clear();
    expect((await completed([voice('gone', 'at least this')], always('x', 'y'))).text).toBe('at least this');
  });

  test('without one is heard by --stt, whose words are the text', async () => {
    cdn.set('v', { name: 'voice.silk', content: await tone() });
    const asked: string[] = [];
    const transcribe = async (path: string) => {
      asked.push(path);
      return 'remind me';
    };
    const turn = await completed([voice('v')], { speechToText: sttOf(transcribe) });
    expect(turn.text).toBe('remind me');
    expect(asked).toEqual([turn.attachments[0]?.path]);
  });

  test('is heard once, also when its message runs again or is quoted; by another command anew', async () => {
    cdn.set('v', { name: 'voice.silk', content: await tone() });
    let asked = 0;
    const counting = (command: string) => ({
      speechToText: sttOf(async () => `heard ${++asked}`, command),
    });
    for (const _ of ['first', 'again']) {
      expect((await completed([voice('v')], counting('stt'))).text).toBe('heard 1');
    }
    stored = { kind: 'message', raw: encodeRaw(message(voice('v'))) };
    const quoting = await completed([text('what?', { svr_id: '5' })], counting('stt'));
    expect(quoting.quote?.text).toBe('heard 1');
    expect((await completed([voice('v')], counting('better-stt'))).text).toBe('heard 2');
  });

  test('that --stt could not hear is heard again', async () => {
    cdn.set('v', { name: 'voice.silk', content: await tone() });
    const results = [null, 'at last'];
    const speechToText = sttOf(async () => results.shift() ?? null);
    expect((await completed([voice('v')], { speechToText })).text).toBe('');
    expect((await completed([voice('v')], { speechToText })).text).toBe('at last');
  });

  test.each([null, ''])('of which --stt makes nothing (%j) still comes', async (heard) => {
    cdn.set('v', { name: 'voice', content: Buffer.from('#!AMR\n') });
    const turn = await completed([voice('v'), text('and this')], { speechToText: sttOf(async () => heard) });
    expect(turn).toMatchObject({ text: 'and this', attachments: [{ name: 'voice', error: null }] });
  });
});

describe('a quote', () => {
  const quoteOf = async (ref: object) => (await completed([text('what?', ref)])).quote;
  const received = (...items: object[]): QuotedContent => ({
    kind: 'message',
    raw: encodeRaw(message(...items)),
  });

  test('of a message here, by its id', async () => {
    stored = received(text('the plan'));
    expect(await quoteOf({ svr_id: '5' })).toEqual({ id: '5', text: 'the plan', attachments: [] });
  });

  test('of a selection', async () => {
    stored = received(text('red fish blue fish'));
    const partial_text = { start: 'blue', end: 'fish', startindex: 0, endindex: 1 };
    expect(await quoteOf({ svr_id: '5', partial_text })).toMatchObject({ text: 'blue fish' });
    expect(await quoteOf({ svr_id: '5', partial_text: { start: 'green' } })).toMatchObject({
      text: 'red fish blue fish',
    });
  });

  test('of a picture, which is fetched; numbers go on', async () => {
    stored = received(image('photo'));
    cdn.set('other', { name: 'b.png', content: Buffer.from('PNG') });
    const { quote, attachments: own } = await completed([image('other', { ref_msg: { svr_id: '5' } })]);
    expect(own[0]?.path?.endsWith('/1-b.png')).toBe(true);
    expect(quote?.attachments[0]?.path?.endsWith('/2-photo.jpg')).toBe(true);
    expect(quote).toMatchObject({ id: '5', text: '' });
  });

  test('of a file that was sent, fetched from where it was put', async () => {
    const key = Buffer.from(KEY.toString('hex')).toString('base64');
    const upload = {
      kind: 'file',
      param: 'photo',
      key,
      name: 'photo.jpg',
      plainBytes: 4,
      md5: 'a'.repeat(32),
    };
    stored = { kind: 'part', text: '', upload: JSON.stringify(upload) };
    expect((await quoteOf({ svr_id: '5' }))?.attachments).toMatchObject([{ name: 'photo.jpg', error: null }]);
  });

  test.each([
    ['the whole item, as old phones sent it', { message_item: text('hello') }, 'hello'],
    [
      'a selection of it',
      { message_item: text('ab'), partial_text: { start: 'b', end: 'b', startindex: 0, endindex: 0 } },
      'b',
    ],
    ['a summary', { title: 'in short' }, 'in short'],
    ['nothing but an id', { svr_id: '5' }, ''],
    ['an item withheld', { message_item: { type: 0, msg_id: '5' } }, ''],
    ['an item of a kind without content', { message_item: { type: 8, msg_id: '5' } }, ''],
  ])('of what is not stored: %s', async (_, ref, words) => {
    expect(await quoteOf(ref)).toMatchObject({ text: words, attachments: [] });
  });

  test('of the whole picture, as old phones sent it', async () => {
    expect((await quoteOf({ title: '[image]', message_item: image('photo') }))?.attachments).toMatchObject([
      { kind: 'image', name: 'photo.jpg' },
    ]);
  });

  test('of a picture without content, as phones sent it for a while: from the store', async () => {
    stored = received(image('photo'));
    const ref = { title: '[image]', message_item: { type: 2, msg_id: '5', image_item: {} } };
    expect(await quoteOf(ref)).toMatchObject({ text: '', attachments: [{ name: 'photo.jpg', error: null }] });
  });

  test('there is none in a message that quotes nothing', async () => {
    expect((await completed([image('photo')])).quote).toBeNull();
  });
});

describe('the cache is swept', () => {
  const names = (): string[] => readdirSync(join(home, 'cache'));
  /** Files in the cache, used so long ago. */
  async function holding(...files: { param: string; ageMs: number; sizeBytes?: number }[]): Promise<void> {
    for (const { param, ageMs, sizeBytes = 1 } of files) {
      cdn.set(param, { name: 'f', content: Buffer.from('x') });
      const before = existsSync(join(home, 'cache')) ? names() : [];
      await completed([file(param)]);
      const [made = ''] = names().filter((name) => !before.includes(name));
      const about = join(home, 'cache', made, '.about.json');
      const known = JSON.parse(readFileSync(about, 'utf8'));
      writeFileSync(about, JSON.stringify({ ...known, sizeBytes }));
      const then = (Date.now() - ageMs) / 1000;
      utimesSync(about, then, then);
    }
  }
  const MIB = 1024 * 1024;

  test('a week after the last use', async () => {
    await holding({ param: 'old', ageMs: 7 * DAY_MS + 60_000 }, { param: 'young', ageMs: 6 * DAY_MS });
    await attachments().sweep(Date.now());
    expect(names()).toHaveLength(1);
    await completed([file('young')]);
    expect(fetched.map(({ param }) => param)).toEqual(['old', 'young']);
  });

  test('down to 256 MiB, the longest unused first, never what is about to be used', async () => {
    await holding(
      { param: 'b', ageMs: 2 * DAY_MS, sizeBytes: 100 * MIB },
      { param: 'a', ageMs: 3 * DAY_MS, sizeBytes: 100 * MIB },
      { param: 'c', ageMs: 1 * DAY_MS, sizeBytes: 150 * MIB },
      { param: 'now', ageMs: 0, sizeBytes: 100 * MIB },
    );
    const before = names();
    await attachments().sweep(Date.now());
    expect(before.filter((name) => !names().includes(name))).toHaveLength(2);
    await holding({ param: 'huge', ageMs: 0, sizeBytes: 400 * MIB });
    await attachments().sweep(Date.now());
    expect(names()).toHaveLength(2);
  });

  test('but not what a waiting message needs, or what that quotes', async () => {
    const ageMs = 8 * DAY_MS;
    await holding({ param: 'mine', ageMs }, { param: 'quoted', ageMs }, { param: 'other', ageMs });
    stored = { kind: 'message', raw: encodeRaw(message(file('quoted'))) };
    const user = turnWith().user;
    waiting = [{ user, raw: encodeRaw(message({ ...file('mine'), ref_msg: { svr_id: '5' } })) }];
    await attachments().sweep(Date.now());
    expect(names()).toHaveLength(2);
    waiting = [];
    await attachments().sweep(Date.now());
    expect(names()).toEqual([]);
  });

  test('what a killed process has left half fetched goes', async () => {
    const cache = join(home, 'cache');
    mkdirSync(join(cache, '.half'), { recursive: true });
    mkdirSync(join(cache, '.fresh'));
    utimesSync(join(cache, '.half'), 1, 1);
    await attachments().sweep(Date.now());
    expect(readdirSync(cache)).toEqual(['.fresh']);
  });

  test('where there is none, nothing happens', async () => {
    await attachments().sweep(Date.now());
    expect(existsSync(join(home, 'cache'))).toBe(false);
  });
});

test('a source without any address is asked for all the same, for its error', async () => {
  const { attachments: all } = await completed([{ type: 2 }]);
  expect(all).toMatchObject([{ path: null, error: 'it is not on the CDN any more' }] satisfies Partial<
    Pick<MediaSource, 'kind'> & { path: null; error: string }
  >[]);
});

test('in the folder of a session files stay until the user has left it, each under a name of its own, within bounds', async () => {
  const sessions = join(home, 'sessions');
  const maker = createFolderMaker({ turns: join(home, 't'), state: () => home, sessions, keep: false, log });
  cdn.set('other', { name: 'photo.jpg', content: Buffer.from('another') });
  const files = attachments();
  const turnOf = async (seq: number, param: string, session: string) => {
    const folders = maker(seq, 'user', session);
    const inbound = readInbound({ item_list: [image(param)] } as unknown as WeixinMessage);
    const { attachments: found } = await files.complete(turnWith({}), inbound, folders.make, never);
    folders.remove();
    return found[0]?.path ?? '';
  };
  const first = await turnOf(1, 'photo', 'one');
  const second = await turnOf(2, 'other', 'one');
  expect([first, second].map((path) => readFileSync(path, 'utf8'))).toEqual(['JPEG', 'another']);
  expect(await turnOf(3, 'photo', 'one')).toBe(first);
  expect(statSync(first).nlink).toBe(2);

  await files.sweep(Date.now());
  expect(existsSync(first)).toBe(true);
  await files.sweep(Date.now() + 8 * DAY_MS);
  expect([existsSync(first), existsSync(join(first, '..'))]).toEqual([false, true]);

  const third = await turnOf(4, 'photo', 'two');
  expect([existsSync(second), existsSync(join(second, '..')), existsSync(third)]).toEqual([
    false,
    false,
    true,
  ]);
});
