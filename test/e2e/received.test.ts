import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { encode } from 'silk-wasm';
import { describe, expect, test } from 'vitest';
import type { UserMessage } from '../../src/simulator/phone/writing.ts';
import { agent, given } from '../helpers/agents.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
/** Enough of a PNG to be told from anything else. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const MP4 = Buffer.concat([
  Buffer.from('\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom', 'latin1'),
  Buffer.alloc(5_000, 'film'),
]);
/** Fixed: one key in 256 opens any blob to something that ends like a file. */
const WRONG_KEY = Buffer.alloc(16, 9);
const AMR = Buffer.from('#!AMR\n\x3c\x91\x17\x16', 'latin1');

async function silk(): Promise<Buffer> {
  const samples = Int16Array.from({ length: 24_000 }, (_, n) => Math.sin(n / 20) * 8_000);
  return Buffer.from((await encode(samples, 24_000)).data);
}

/** An agent that answers with its stdin and keeps what lies in its folder, under the id of the message. */
const KEEP = 'cat; cp -R "$WXAGENT_MEDIA_DIR" "kept-$WXAGENT_MESSAGE_ID"';
const kept = (home: string, id: string | null): Record<string, Buffer> => {
  const folder = join(home, `kept-${id}`);
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
};

async function scene(options: Parameters<typeof simulate>[0] = {}) {
  const simulator = await simulate(options);
  const { home, user } = loggedIn(simulator);
  /** Runs until all that waits is answered. */
  const runOnce = (...args: string[]) =>
    runHere(['run', '--once', ...QUICK, '--cdn-url', simulator.cdnUrl, ...args], {
      home,
      env: { OUT: home },
    });
  const says = (input: UserMessage) => simulator.control.message(input).messageId as string;
  const downloads = () => simulator.control.requests({ endpoint: 'download' }).length;
  return { simulator, home, user, runOnce, says, downloads };
}

/** A file of a user whose item is made by hand. */
const fileItem = (media: object, over: object = {}): UserMessage => ({
  items: [{ type: 4, file_item: { media, file_name: 'a.bin', ...over } }],
});

describe('what users send', () => {
  test('lies before the agent byte for byte, whatever it is, under a safe name', async () => {
    const { simulator, home, says, runOnce } = await scene();
    const text = Buffer.from('# 你好\n');
    const sent: [UserMessage, string, Buffer][] = [
      [{ image: { bytes: PNG } }, 'image.png', PNG],
      [{ image: { bytes: PNG, plain: true } }, 'image.png', PNG],
      [{ video: { bytes: MP4 } }, 'video.mp4', MP4],
      [{ file: { bytes: text, name: '报告 2026.md' } }, '报告 2026.md', text],
      [{ file: { bytes: Buffer.alloc(0), name: 'empty.txt' } }, 'empty.txt', Buffer.alloc(0)],
      [{ voice: { bytes: AMR } }, 'voice.amr', AMR],
    ];
    const ids = sent.map(([input]) => says(input));
    const run = await runOnce('--exec', KEEP);
    expect(run.code, run.stderr).toBe(0);
    const told = answers(simulator);
    sent.forEach(([input, name, content], index) => {
      expect(kept(home, ids[index] ?? null)).toEqual({ [`1-${name}`]: content });
      const [kind] = Object.keys(input);
      expect(told[index]).toMatch(new RegExp(`^\\[${kind}: /.*/media/turn/.*/1-${name}\\]$`));
    });
    // The folder of a turn ends with it.
    expect(existsSync(told[0]?.slice('[image: '.length, -1) ?? '')).toBe(false);
  });

  test('hostile names name nothing but a file of that folder', async () => {
    const { home, says, runOnce } = await scene();
    const names = [
      '../../../evil.sh',
      '/etc/passwd',
      'a\0b.txt',
      '.bashrc',
      'CON.txt',
      `${'长'.repeat(300)}.pdf`,
      '..',
      'a\nb',
    ];
    const ids = names.map((name) => says({ file: { bytes: Buffer.from(name), name } }));
    const run = await runOnce('--exec', KEEP);
    expect(run.code, run.stderr).toBe(0);
    names.forEach((name, index) => {
      const files = kept(home, ids[index] ?? null);
      expect(Object.values(files)).toEqual([Buffer.from(name)]);
      expect(Object.keys(files)[0]).toMatch(/^1-[^/\p{Cc}]+$/u);
    });
    expect(existsSync(join(home, 'evil.sh'))).toBe(false);
  });

  test('is told to the agent in the event and in the environment', async () => {
    const { home, says, runOnce } = await scene();
    const id = says({ file: { bytes: Buffer.from('a,b\n'), name: 'table.csv' } });
    const out = ['--input', 'json', '--', ...agent('record')];
    const run = await runOnce(...out);
    expect(run.code, run.stderr).toBe(0);
    const { env, stdin } = given(home, id);
    const [event] = jsonLines(stdin);
    const path = env.WXAGENT_FILE ?? '';
    expect(event).toMatchObject({ kind: 'file', text: '', quote: null });
    expect(event?.attachments).toEqual([
      {
        kind: 'file',
        path,
        name: 'table.csv',
        mime: 'text/csv',
        sizeBytes: 4,
        durationMs: null,
        error: null,
      },
    ]);
    expect(env).toMatchObject({ WXAGENT_KIND: 'file', WXAGENT_FILE_COUNT: '1' });
    expect(path).toBe(join(env.WXAGENT_MEDIA_DIR ?? '', '1-table.csv'));
  });

  test('is echoed', async () => {
    const { simulator, says, runOnce } = await scene();
    says({ file: { bytes: PNG, name: 'photo.png' } });
    expect((await runOnce('--echo')).code).toBe(0);
    const echo = simulator.control.phone().shown.findLast(({ from }) => from === 'bot');
    expect(simulator.control.file(echo?.messageId ?? '')).toEqual(PNG);
  });

  test('is fetched once, also when its message runs again', async () => {
    const { simulator, home, says, downloads, runOnce } = await scene();
    const id = says({ image: { bytes: PNG } });
    await runOnce('--exec', KEEP);
    expect((await runHere(['retry', id], { home })).code).toBe(0);
    simulator.control.addFault({ endpoint: 'download', kind: 'status', status: 404 });
    await runOnce('--exec', 'cat "$WXAGENT_FILE" | cmp - kept-*/1-image.png && echo same');
    expect(answers(simulator).at(-1)).toBe('same');
    expect(downloads()).toBe(1);
    const cache = join(home, 'wx', 'media', 'cache');
    const modes = readdirSync(cache, { recursive: true, encoding: 'utf8' }).map((name) =>
      statSync(join(cache, name)),
    );
    expect(modes.filter((one) => (one.mode & 0o077) !== 0)).toEqual([]);
    expect(modes.length).toBeGreaterThan(2);
  });

  test('the log and messages name the files, whose messages have no text', async () => {
    const { home, says, runOnce } = await scene();
    says({ image: { bytes: PNG } });
    says({ file: { bytes: PNG, name: '../报告.png' } });
    says({ voice: { bytes: AMR, transcript: 'heard' } });
    const hidden = await runOnce('--exec', 'true');
    expect(hidden.stderr).toMatch(/<- image\n.*<- file\n.*<- voice, 5 characters\n/s);
    const listed = (await runHere(['messages'], { home })).stdout.trimEnd().split('\n');
    expect(listed.map((line) => line.replace(/.* done {2}/, ''))).toEqual([
      'image  [image]',
      'file   [file: 报告.png]',
      'voice  heard',
    ]);
    says({ image: { bytes: PNG } });
    says({
      items: [
        { type: 1, text_item: { text: 'see \u001b]0;me\u0007' } },
        { type: 4, file_item: { file_name: 'gone.png' } },
      ],
    });
    const shown = await runOnce('--log-text', '--exec', 'true');
    expect(shown.stderr).toMatch(/<- \[image: image.png\]\n.*<- "see \]0;me" \[file: gone.png\]\n/s);
  });

  test('the folder of a turn goes with it, after a kill -9 too; --keep-files keeps it', async () => {
    const { home, says, runOnce } = await scene();
    const turns = () => readdirSync(join(home, 'wx', 'media', 'turn'), { recursive: true }).map(String);
    says({ file: { bytes: AMR, name: 'a.amr' } });
    const agentOf = (command: string) => ['--retries', '0', '--exec', `touch begun; ${command}`];
    const run = startWxagent(['run', ...QUICK, ...agentOf('sleep 60')], { home });
    await pollUntil('the turn', () => existsSync(join(home, 'begun')));
    run.signal('SIGKILL');
    await run.exited;
    expect(turns().some((path) => path.endsWith('1-a.amr'))).toBe(true);
    await runOnce(...agentOf('true'));
    expect(turns()).toHaveLength(1); // that of the account
    says({ file: { bytes: AMR, name: 'b.amr' } });
    await runOnce('--keep-files', ...agentOf('echo x >"$WXAGENT_REPLY_DIR/x.txt"'));
    await runOnce(...agentOf('true'));
    const files = turns().filter((path) => /\.(amr|txt)$/.test(path));
    expect(files.map((path) => basename(path)).sort()).toEqual(['1-b.amr', 'x.txt']);
  });

  test('listen leaves it where it stays', async () => {
    const { home, says } = await scene();
    says({ file: { bytes: PNG, name: 'photo.png' } });
    says({ file: { sizeBytes: 2_000, name: 'big.bin' } });
    const listened = await runHere(['listen', '--json', '--once', '--max-media', '1KiB'], { home });
    expect(listened.code, listened.stderr).toBe(0);
    const all = jsonLines(listened.stdout).flatMap(
      ({ attachments }) => attachments as { path: string | null; error: string | null }[],
    );
    expect(all).toMatchObject([
      { error: null },
      { path: null, error: expect.stringMatching(/larger.*--max-media/) },
    ]);
    expect(basename(all[0]?.path ?? '')).toBe('photo.png');
    expect(readFileSync(all[0]?.path ?? '')).toEqual(PNG);
  });
});

describe('what cannot be fetched is said, and the message still goes to the agent', () => {
  test.each<[string, UserMessage, RegExp]>([
    ['too large', { file: { sizeBytes: 5_000, name: 'big.bin' } }, /larger than .*--max-media/],
    ['gone', fileItem({ encrypt_query_param: 'gone', aes_key: randomBytes(16).toString('base64') }), /CDN/],
    [
      'without an address',
      fileItem({ aes_key: randomBytes(16).toString('base64') }),
      /no address of the file/,
    ],
    ['without a key', fileItem({ encrypt_query_param: 'x' }), /key/],
    ['without anything', { items: [{ type: 2 }] }, /no address of the file/],
  ])('%s', async (_, input, why) => {
    const { simulator, home, says, runOnce } = await scene();
    const id = says(input);
    const run = await runOnce('--max-media', '4KiB', '--exec', KEEP);
    expect(run.code, run.stderr).toBe(0);
    const [told = ''] = answers(simulator);
    expect(told).toMatch(/^\[(file|image): not available: .+\]$/);
    expect(told).toMatch(why);
    expect(run.stderr).toMatch(/(file|image) not fetched: /);
    expect(kept(home, id)).toEqual({});
  });

  test('with the wrong key', async () => {
    const { simulator, says, runOnce } = await scene();
    const first = says({ file: { bytes: MP4, name: 'film.mp4' } });
    await runOnce('--exec', 'true');
    const { media } = simulator.control.phone().shown.find(({ messageId }) => messageId === first) ?? {};
    says(fileItem({ encrypt_query_param: media?.param, aes_key: WRONG_KEY.toString('base64') }));
    const run = await runOnce('--exec', KEEP);
    expect(run.code, run.stderr).toBe(0);
    expect(answers(simulator)[0]).toMatch(/^\[file: not available: .*key/);
  });

  test('a file sent again, of which the CDN has the first blob and the message a second key, is there', async () => {
    const { home, says, runOnce } = await scene({ staleBlobs: true });
    const ids = [1, 2].map(() => says({ file: { bytes: MP4, name: 'film.mp4' } }));
    await runOnce('--exec', KEEP);
    for (const id of ids) expect(kept(home, id)).toEqual({ '1-film.mp4': MP4 });
  });
});

describe('a CDN that hangs', () => {
  test('delays neither the poll nor other users, and a stop does not wait for it', async () => {
    const { simulator, home, user, says, runOnce } = await scene({ strangers: true });
    simulator.control.addFault({ endpoint: 'download', kind: 'hang' });
    says({ image: { bytes: PNG } });
    const run = startHere(['run', ...QUICK, '--allow-all', '--exec', KEEP], { home });
    await pollUntil('the download', () => simulator.control.requests({ endpoint: 'download' }).length > 0);
    says({ user: 'o9friend@im.wechat', text: 'hi' });
    expect(await answered(simulator, 1, 'o9friend@im.wechat')).toEqual(['hi']);
    says({ text: 'in order' });
    await pollUntil('it is taken in', () => simulator.control.bots()[0]?.waiting === 0);
    expect(answers(simulator, user)).toEqual([]);
    expect((await run.stop()).code).toBe(0);
    simulator.control.clearFaults();
    expect((await runOnce('--exec', KEEP)).code).toBe(0);
    expect(answers(simulator, user)).toEqual([expect.stringMatching(/1-image\.png\]$/), 'in order']);
  });
});

describe('voice', () => {
  test('in SILK comes as WAV, with a transcript as text alone', async () => {
    const { simulator, home, says, downloads, runOnce } = await scene();
    const bytes = await silk();
    const ids = [says({ voice: { bytes } }), says({ voice: { bytes: bytes.subarray(1) } })];
    says({ voice: { bytes, transcript: '明天提醒我开会' } });
    const run = await runOnce('--exec', KEEP);
    expect(run.code, run.stderr).toBe(0);
    for (const id of ids) {
      const { '1-voice.wav': wav, ...others } = kept(home, id);
      expect(others).toEqual({});
      expect(wav?.length).toBe(48_044);
      expect(wav?.subarray(0, 4).toString()).toBe('RIFF');
    }
    expect(answers(simulator).at(-1)).toBe('明天提醒我开会');
    expect(downloads()).toBe(2);
  });

  test('--stt turns it into the text of the message', async () => {
    const { simulator, home, says, runOnce } = await scene();
    says({ voice: { bytes: await silk() } });
    writeFileSync(join(home, 'stt.sh'), 'test "$(head -c 4 "$2")" = RIFF && echo "heard in $1"');
    const stt = ['--stt', 'sh ./stt.sh zh', '--input', 'raw'];
    const run = await runOnce(...stt, '--exec', 'cat');
    expect(run.code, run.stderr).toBe(0);
    expect(answers(simulator)).toEqual(['heard in zh']);
  });

  test('a --stt that fails is told in the log, and the agent gets the sound', async () => {
    const { simulator, says, runOnce } = await scene();
    says({ voice: { bytes: await silk() } });
    const run = await runOnce('--stt', 'echo no model >&2; false', '--exec', 'cat');
    expect(run.code).toBe(0);
    expect(run.stderr).toContain('--stt failed: exit code 1: no model');
    expect(answers(simulator)[0]).toMatch(/^\[voice: .*1-voice\.wav\]$/);
  });

  test('a --stt that hangs ends with a stop, and its message runs again', async () => {
    const { simulator, home, says, runOnce } = await scene();
    says({ voice: { bytes: await silk() } });
    const run = startHere(['run', ...QUICK, '--stt', 'touch begun; sleep 60; true', '--exec', 'cat'], {
      home,
    });
    await pollUntil('it has begun', () => existsSync(join(home, 'begun')));
    expect((await run.stop()).code).toBe(0);
    expect(answers(simulator)).toEqual([]);
    await runOnce('--stt', 'echo heard; true', '--input', 'raw', '--exec', 'cat');
    expect(answers(simulator)).toEqual(['heard']);
  });

  test('a --stt that a killed run has left is ended by the next one', async () => {
    const { home, says, runOnce } = await scene();
    says({ voice: { bytes: await silk() } });
    // Its stdin ends when it has been noted.
    const stt = 'cat; echo $$ >pid.new; mv pid.new pid; exec sleep 600 #';
    const run = startWxagent(['run', ...QUICK, '--stt', stt, '--exec', 'cat'], { home });
    await pollUntil('it has begun', () => existsSync(join(home, 'pid')));
    const pid = Number(readFileSync(join(home, 'pid'), 'utf8'));
    run.signal('SIGKILL');
    await run.exited;
    const next = await runOnce('--stt', 'echo heard; true', '--exec', 'cat');
    expect(next.stderr).toContain(`ended the agent of a former runner (pid ${pid})`);
  });

  test('--stt without a command is a mistake', async () => {
    const { runOnce } = await scene();
    expect((await runOnce('--echo', '--stt', ' ')).code).toBe(64);
  });
});

describe('quotes', () => {
  test('of both sides, whole and in part, in every form phones have sent', async () => {
    const { simulator, says, runOnce } = await scene();
    const red = says({ text: 'red fish blue fish' });
    await runOnce('--exec', 'echo the answer');
    const answer = simulator.control.phone().shown.findLast(({ from }) => from === 'bot')?.messageId ?? '';
    let asked = 0;
    const quoting = (quote: UserMessage['quote']) => says({ text: `this? ${++asked}`, quote });
    quoting({ id: red });
    quoting({ id: answer });
    quoting({ id: red, selection: 'blue fish' });
    quoting({ id: red, form: 'full' });
    quoting({ id: answer, form: 'withheld' });
    quoting({ id: '1' });
    const run = await runOnce('--exec', 'printf "%s|" "$WXAGENT_QUOTE"; cat');
    expect(run.code, run.stderr).toBe(0);
    const said = (quote: string, n: number) => `${quote}|> ${quote}\nthis? ${n}`;
    expect(answers(simulator).slice(1)).toEqual([
      said('red fish blue fish', 1),
      said('the answer', 2),
      said('blue fish', 3),
      said('red fish blue fish', 4),
      said('the answer', 5),
      '|this? 6',
    ]);
  });

  test('of files, those of the user and those that were sent', async () => {
    const { simulator, home, says, runOnce } = await scene();
    const photo = says({ image: { bytes: PNG } });
    await runOnce('--exec', 'echo report >"$WXAGENT_REPLY_DIR/report.txt"');
    const report = simulator.control.phone().shown.findLast(({ from }) => from === 'bot')?.messageId ?? '';
    const ids = [photo, report].map((id) => says({ text: `this? ${id}`, quote: { id } }));
    ids.push(says({ text: 'this?', quote: { id: photo, form: 'full' } }));
    const run = await runOnce('--exec', KEEP);
    expect(run.code, run.stderr).toBe(0);
    expect(kept(home, ids[0] ?? '')).toEqual({ '1-image.png': PNG });
    expect(kept(home, ids[1] ?? '')).toEqual({ '1-report.txt': Buffer.from('report\n') });
    expect(kept(home, ids[2] ?? '')).toEqual({ '1-image.png': PNG });
    expect(answers(simulator).at(-1)).toMatch(/^> \[image: .*\/1-image\.png\]\nthis\?$/m);
  });
});

test('items nobody knows are kept, counted and shown; what is known beside them goes to the agent', async () => {
  const { simulator, home, says, runOnce } = await scene();
  const both = says({
    items: [
      { type: 1, text_item: { text: 'known' } },
      { type: 99, new_item: { a: 1 } },
    ],
  });
  const none = says({ items: [{ type: 77 }] });
  const run = await runOnce('--exec', 'cat');
  expect(run.code).toBe(0);
  expect(answers(simulator)).toEqual(['known']);
  expect(run.stderr).toContain('items of a kind unknown to this version: type 99; kept');
  expect(run.stderr).toContain('not given to the agent: kind:unknown');
  const [listed] = jsonLines((await runHere(['messages', '--json'], { home })).stdout);
  expect(listed?.messages).toMatchObject([
    { id: both, kind: 'text', state: 'done', unknownItems: ['99'] },
    { id: none, kind: 'unknown', state: 'ignored', reason: 'kind:unknown', unknownItems: ['77'] },
  ]);
  const shown = (await runHere(['messages'], { home })).stdout;
  expect(shown).toContain('text + unknown (type 99)');
  expect(shown).toContain('unknown (type 77)');
  const [status] = jsonLines((await runHere(['status', '--json'], { home })).stdout);
  expect(status?.accounts).toMatchObject([{ inbox: { ignored: 1, unknown: 2 } }]);
  expect((await runHere(['status'], { home })).stdout).toContain(
    '2 with items of a kind unknown to this version',
  );
});

test('a file through the program and back has the same bytes', async () => {
  const { simulator, says, runOnce } = await scene();
  const sizes = [0, 1, 15, 16, 17, 4_095, 4_096, 4_097];
  const contents = sizes.map((size) => randomBytes(size));
  for (const bytes of contents) says({ file: { bytes, name: 'x.bin' } });
  await runOnce('--exec', 'md5sum <"$WXAGENT_FILE" | cut -c -32');
  expect(answers(simulator)).toEqual(contents.map((bytes) => createHash('md5').update(bytes).digest('hex')));
});
