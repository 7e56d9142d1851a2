import { execFileSync } from 'node:child_process';
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Agent, TurnContext } from '../../../../src/agents/port/port.ts';
import { WxError } from '../../../../src/core/errors.ts';
import { languageIn } from '../../../../src/core/message/language.ts';
import type { Outcome, ReplyPiece } from '../../../../src/core/message/message.ts';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { createOutgoing, type Outgoing } from '../../../../src/runner/delivery/outgoing-files.ts';
import type { RunnerEvent } from '../../../../src/runner/port/events.ts';
import type { RunnerOptions } from '../../../../src/runner/port/options.ts';
import type { Turns } from '../../../../src/runner/turns/turns.ts';
import type { PartFile, PartView } from '../../../../src/store/port/port.ts';
import { createStillClock, settle } from '../../../helpers/still-clock.ts';
import { ACCOUNT, createDesk, type Desk, incoming, OWNER } from '../../store/conformance/desk.ts';
import { makeSqliteStores } from '../../store/sqlite-stores.ts';
import { wireText } from '../support.ts';
import { createUndelivered } from './undelivered.ts';

let folder: string;
let data: Awaited<ReturnType<typeof makeSqliteStores>>;
let desk: Desk;
let outgoing: Outgoing;
let events: RunnerEvent[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-streams-'));
  data = await makeSqliteStores();
  desk = await createDesk(data.open('me'));
  outgoing = createOutgoing(join(folder, 'out'));
  events = [];
});
afterEach(async () => {
  await data.dispose();
  await rm(folder, { recursive: true, force: true });
});

type Answer = (context: TurnContext) => Promise<Outcome>;

const DONE: Outcome = { kind: 'silent' };
const AGAIN: Outcome = { kind: 'retry', afterMs: 0, detail: '' };

function turnsOf(answer: Answer, over: Partial<RunnerOptions> = {}, clock = systemClock): Turns {
  const agent: Agent = { name: 'test', answer: (_, context) => answer(context) };
  return createUndelivered({ store: desk.store, agent, folder, outgoing, events, over, clock });
}

async function says(text = 'hello'): Promise<number> {
  const message = wireText('1', text);
  const raw = Buffer.from(JSON.stringify(message));
  return desk.says(OWNER, { raw, id: incoming().id, language: languageIn(text) });
}

/** Runs one attempt at a message: the agent says the pieces one by one, then ends. */
async function attempt(
  seq: number,
  pieces: readonly ReplyPiece[],
  outcome: Outcome = DONE,
  over: Partial<RunnerOptions> = {},
): Promise<void> {
  const turns = turnsOf(async ({ emit }) => {
    for (const piece of pieces) await emit(piece);
    return outcome;
  }, over);
  await turns.run(seq);
}

const texts = (words: readonly string[]): ReplyPiece[] => words.map((text) => ({ text }));
const queued = (): Promise<PartView[]> => desk.store.outbox.openParts(ACCOUNT);
const queuedTexts = async (): Promise<string[]> => (await queued()).map(({ text }) => text);

describe('a turn that speaks while it runs', () => {
  test('each piece is committed before the agent goes on, and the rest comes after it', async () => {
    const seq = await says();
    const seen: string[][] = [];
    const turns = turnsOf(async ({ emit }) => {
      await emit({ text: 'one' });
      seen.push(await queuedTexts());
      await emit({ text: 'two' });
      seen.push(await queuedTexts());
      return { kind: 'reply', pieces: [{ text: 'three' }] };
    });
    await turns.run(seq);
    expect(seen).toEqual([['one'], ['one', 'two']]);
    expect(await queuedTexts()).toEqual(['one', 'two', 'three']);
    expect(events.at(-1)).toMatchObject({ type: 'outcome', outcome: 'reply', parts: 3 });
  });

  test('pieces that nobody waits for stay in their order', async () => {
    const seq = await says();
    await writeFile(join(folder, 'a.txt'), 'x'.repeat(100_000));
    const turns = turnsOf(async ({ emit }) => {
      void emit({ file: join(folder, 'a.txt'), name: null });
      void emit({ text: 'two' });
      return DONE;
    });
    await turns.run(seq);
    expect((await queued()).map(({ kind }) => kind)).toEqual(['file', 'text']);
  });

  test('what it says when it has ended is dropped', async () => {
    const seq = await says();
    let late: Promise<void> | undefined;
    const turns = turnsOf(async ({ emit }) => {
      setImmediate(() => {
        late = emit({ text: 'late' });
      });
      return DONE;
    });
    await turns.run(seq);
    await late;
    expect(await queued()).toEqual([]);
    expect(events.at(-1)).toMatchObject({ outcome: 'silent', parts: 0 });
  });

  test.each(['exit', 'bad-output', 'timeout'] as const)(
    'failed with %s: what it said stays, then the notice',
    async (reason) => {
      const seq = await says();
      await attempt(seq, texts(['one', 'two']), { kind: 'failed', reason, detail: 'boom' });
      expect(await queued()).toMatchObject([
        { text: 'one', origin: 'answer' },
        { text: 'two', origin: 'answer' },
        { origin: 'notice' },
      ]);
      expect(events.at(-1)).toMatchObject({ outcome: 'failed', reason, parts: 3 });
    },
  );

  test('a file that goes away, or changes, after it was said is sent as it was', async () => {
    const seq = await says();
    const path = join(folder, 'a.txt');
    const turns = turnsOf(async ({ emit }) => {
      for (const content of ['one', 'two', 'three', 'four', 'five']) {
        writeFileSync(path, content);
        await emit({ file: path, name: null });
      }
      await rm(path);
      return DONE;
    });
    await turns.run(seq);
    const contents = (await queued()).map(({ file }) => readFile(file?.path ?? '', 'utf8'));
    expect(await Promise.all(contents)).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  test('a file that cannot be sent is named at the end; all that was said before and after it is sent', async () => {
    const seq = await says();
    const missing = { file: join(folder, 'none'), name: null };
    await attempt(seq, [...texts(['one', 'two', 'three']), missing, { text: 'four' }]);
    const notice = '⚠️ The answer is not complete. Not sent: none (not found).';
    expect(await queuedTexts()).toEqual(['one', 'two', 'three', 'four', notice]);
    expect(events.at(-1)).toMatchObject({ outcome: 'failed', reason: 'bad-output', parts: 5 });
    // A failure of the agent's own names it as well, in one notice.
    const later = await says();
    await attempt(later, [missing], { kind: 'failed', reason: 'exit', detail: '' });
    expect((await queuedTexts()).at(-1)).toMatch(/reported an error(?:.|\n)*Not sent: none \(not found\)/);
  });
});

describe('a later attempt', () => {
  test('a stop and a retry repeat nothing that was queued; a failure for good does not either', async () => {
    const seq = await says();
    await attempt(seq, texts(['one', 'two']), AGAIN);
    await attempt(seq, texts(['one', 'two', 'three']), { kind: 'failed', reason: 'exit', detail: '' });
    expect((await queuedTexts()).slice(0, -1)).toEqual(['one', 'two', 'three']);
  });

  test('says what the first one said, then what is new: an answer at the end counts as well', async () => {
    const seq = await says();
    await attempt(seq, texts(['one', 'two']), AGAIN);
    await attempt(seq, [], { kind: 'reply', pieces: texts(['one', 'two', 'three']) });
    expect(await queuedTexts()).toEqual(['one', 'two', 'three']);
  });

  test('that says only what was said is an answer, although nothing is queued', async () => {
    const seq = await says();
    await attempt(seq, texts(['one']), AGAIN);
    await attempt(seq, texts(['one']));
    expect(events.at(-1)).toMatchObject({ outcome: 'reply', parts: 0 });
    expect(await queuedTexts()).toEqual(['one']);
  });

  test.each([
    ['the same name and content is the same', 'a.txt', 'x', 1],
    ['another content is another file', 'a.txt', 'y', 2],
    ['another name is another file', 'b.txt', 'x', 2],
  ])('a file: %s', async (_, name, content, count) => {
    const seq = await says();
    await mkdir(join(folder, 'first'));
    await writeFile(join(folder, 'first', 'a.txt'), 'x');
    await attempt(seq, [{ file: join(folder, 'first', 'a.txt'), name: null }], AGAIN);
    await writeFile(join(folder, name), content);
    const again: ReplyPiece = { file: join(folder, name), name: null };
    await attempt(seq, [], { kind: 'reply', pieces: [again] });
    expect(await queued()).toHaveLength(count);
  });

  test('a file under a name that no phone shows as it is: said, then answered with', async () => {
    const file: ReplyPiece = { file: join(folder, 'a.txt'), name: '../a:1.txt' };
    await writeFile(file.file, 'x');
    const seq = await says();
    await attempt(seq, [file], AGAIN);
    await attempt(seq, [], { kind: 'reply', pieces: [file] });
    expect((await queued()).map((part) => part.file?.name)).toEqual(['a_1.txt']);
  });

  /** What the phone is to show of attempts of which all but the last are cut off: each goes on from the one before. */
  function expected(attempts: readonly (readonly string[])[]): string[] {
    const shown: string[] = [];
    let last: string[] = [];
    for (const said of attempts) {
      let same = 0;
      while (same < said.length && same < last.length && said[same] === last[same]) same++;
      shown.push(...said.slice(same));
      // One that ends early has said nothing else than the one before.
      if (same < said.length) last = [...said];
    }
    return shown;
  }

  test('whatever the attempts say: nothing twice that is the same, and from the first difference on all of it', async () => {
    const word = fc.constantFrom('a', 'b');
    const attempts = fc.array(fc.array(word, { maxLength: 3 }), { minLength: 2, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(attempts, fc.nat({ max: 3 }), async (said, atEnd) => {
        await desk.deliver(OWNER);
        const seq = await says();
        for (const [index, words] of said.entries()) {
          const isLast = index === said.length - 1;
          const early = isLast ? words.slice(0, atEnd) : words;
          const rest = isLast ? words.slice(atEnd) : [];
          const end: Outcome = rest.length > 0 ? { kind: 'reply', pieces: texts(rest) } : DONE;
          await attempt(seq, texts(early), isLast ? end : AGAIN, { maxParts: 20 });
        }
        // The end may join what did not fit one by one.
        expect((await queuedTexts()).join('\n\n')).toBe(expected(said).join('\n\n'));
      }),
      { numRuns: 60 },
    );
  });
});

describe('more than may be sent', () => {
  test.each([
    [5, ['1', '2', '3', '4\n\n5\n\n6\n\n7']],
    [3, ['1', '2\n\n3\n\n4\n\n5\n\n6\n\n7']],
    [1, ['1\n\n2\n\n3\n\n4\n\n5\n\n6\n\n7']],
  ])('--max-parts %i: two are left for the end, and the rest is joined', async (maxParts, shown) => {
    const seq = await says();
    await attempt(seq, texts([...'1234567']), DONE, { maxParts });
    expect(await queuedTexts()).toEqual(shown);
  });

  test('what just fits stays as it was said', async () => {
    const seq = await says();
    await attempt(seq, texts([...'12345']), DONE, { maxParts: 5 });
    expect(await queuedTexts()).toEqual([...'12345']);
  });

  test('what is too long even then goes as its beginning and a file, with the answer of the end', async () => {
    const seq = await says();
    const end: Outcome = { kind: 'reply', pieces: texts(['z']) };
    await attempt(seq, texts(['1', '2', '3', 'x'.repeat(9_000), 'y']), end);
    const parts = await queued();
    expect(parts.map(({ kind }) => kind)).toEqual(['text', 'text', 'text', 'text', 'file']);
    expect(await readFile(parts[4]?.file?.path ?? '', 'utf8')).toBe(`${'x'.repeat(9_000)}\n\ny\n\nz`);
  });

  test('the budget counts what is queued, not only what was sent', async () => {
    const seq = await says();
    for (let n = 0; n < 4; n++) await desk.sends(OWNER, 'sent');
    await attempt(seq, texts([...'1234567']), DONE, { maxParts: 20 });
    expect((await queuedTexts()).slice(4)).toEqual(['1', '2', '3', '4', '5\n\n6\n\n7']);
  });

  test('a later attempt has as much room as the first one, what it repeats included', async () => {
    const seq = await says();
    await attempt(seq, texts([...'123']), AGAIN);
    await attempt(seq, texts([...'1234567']));
    expect(await queuedTexts()).toEqual(['1', '2', '3', '4\n\n5\n\n6\n\n7']);
  });

  test('what could not be queued yet is queued with a failure, and left to the next attempt by a retry', async () => {
    const seq = await says();
    await attempt(seq, texts([...'1234567']), AGAIN);
    expect(await queuedTexts()).toEqual(['1', '2', '3']);
    await attempt(seq, texts([...'1234567']), { kind: 'failed', reason: 'exit', detail: '' });
    expect(await queuedTexts()).toEqual(['1', '2', '3', '4\n\n5\n\n6\n\n7', expect.stringContaining('⚠️')]);
  });

  test('a turn that its user has stopped says no more', async () => {
    const seq = await says();
    await attempt(
      seq,
      texts([...'1234567']),
      { kind: 'failed', reason: 'cancelled', detail: '' },
      { onError: 'silent' },
    );
    expect(await queuedTexts()).toEqual(['1', '2', '3']);
  });

  test('a file that has to wait is not swept meanwhile', async () => {
    const seq = await says();
    await writeFile(join(folder, 'a.txt'), 'content');
    const hour = 3_600_000;
    const turns = turnsOf(
      async ({ emit }) => {
        await emit({ file: join(folder, 'a.txt'), name: null });
        await outgoing.sweep(desk.store.outbox, Date.now() + 2 * hour);
        return DONE;
      },
      { maxParts: 1 },
    );
    await turns.run(seq);
    const [part] = await queued();
    expect(await readFile(part?.file?.path ?? '', 'utf8')).toBe('content');
    await desk.store.outbox.dropParts({
      account: ACCOUNT,
      seqs: [part?.seq ?? 0],
      reason: '',
      nowMs: desk.nowMs,
    });
    await desk.store.admin.sweep({
      accounts: [ACCOUNT],
      nowMs: desk.nowMs + hour,
      holdMaxMs: hour,
      finishedMs: 0,
      finishedPerUser: 0,
    });
    await outgoing.sweep(desk.store.outbox, Date.now() + 2 * hour);
    await expect(readFile(part?.file?.path ?? '')).rejects.toThrow('ENOENT');
  });
});

describe('a user who waits', () => {
  const NOTICE = { zh: '⏳ “你好”还在处理，请稍候', en: '⏳ Still working on "hello"...' };
  let clock: ReturnType<typeof createStillClock>;
  beforeEach(() => {
    clock = createStillClock();
    clock.pass(desk.nowMs);
  });

  /** A turn that takes `forMs`, and says `first` as soon as it starts. */
  async function slow(
    seq: number,
    forMs: number,
    first: string[] = [],
    outcome: Outcome = DONE,
  ): Promise<void> {
    let end = (): void => {};
    const turns = turnsOf(
      async ({ emit }) => {
        for (const text of first) await emit({ text });
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        return outcome;
      },
      { workingNoticeMs: 1_000 },
      clock,
    );
    const ran = turns.run(seq);
    await settle();
    for (let ms = 0; ms < forMs; ms += 500) {
      clock.pass(500);
      await settle();
    }
    end();
    await ran;
  }

  test.each([
    ['hello', NOTICE.en],
    ['你好', NOTICE.zh],
  ])('is told once, in the language of the user: %s', async (text, notice) => {
    await slow(await says(text), 5_000, [], { kind: 'reply', pieces: texts(['done']) });
    expect(await queued()).toMatchObject([
      { text: notice, origin: 'notice' },
      { text: 'done', origin: 'answer' },
    ]);
  });

  test('is not told before that, nor when the turn has said something', async () => {
    await slow(await says(), 500);
    await slow(await says(), 5_000, ['one']);
    expect(await queuedTexts()).toEqual(['one']);
  });

  test('is not told again by the next attempt', async () => {
    const seq = await says();
    await slow(seq, 5_000, [], AGAIN);
    await slow(seq, 5_000);
    expect(await queuedTexts()).toEqual([NOTICE.en]);
  });

  test.each([
    [8, true],
    [9, false],
  ])('is never told with the last message they may get: %i are queued', async (count, isTold) => {
    const seq = await says();
    for (let n = 0; n < count; n++) await desk.sends(OWNER, 'x');
    await slow(seq, 5_000);
    expect((await queuedTexts()).includes(NOTICE.en)).toBe(isTold);
  });
});

describe('a turn that cannot be run as it should', () => {
  test('fails for a fault of ours, and nothing else does', async () => {
    const seq = await says();
    const agent: Agent = { name: 'test', answer: async () => DONE };
    const attachments = { complete: () => Promise.reject(new TypeError('boom')) };
    const turns = createUndelivered({ store: desk.store, agent, folder, outgoing, events, attachments });
    expect(await turns.run(seq)).toEqual({ kind: 'next' });
    expect(await queued()).toHaveLength(1);
    expect(events).toMatchObject([{ type: 'outcome', outcome: 'failed', reason: 'crash', parts: 1 }]);
    expect((await desk.store.inbox.unfinished(ACCOUNT)).map((one) => one.seq)).not.toContain(seq);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e18, -1])(
    'runs again after the usual delay when an agent asks for %j ms',
    async (afterMs) => {
      const seq = await says();
      const clock = createStillClock();
      const turns = turnsOf(async () => ({ kind: 'retry', afterMs, detail: '' }), {}, clock);
      expect(await turns.run(seq)).toEqual({
        kind: 'later',
        notBeforeMs: clock.now() + 5_000,
      });
    },
  );

  test('waits for longer and longer while this machine is short of something, whatever --retries says', async () => {
    const noRoom = (code: string): Error => Object.assign(new Error('no more'), { code });
    const whole = outgoing;
    let seq = await says();
    const clock = createStillClock();
    let code = '';
    /** What is short: something of the agent, the file of its answer, an attachment, or nothing. */
    let what: 'agent' | 'copy' | 'attachment' | 'nothing' = 'agent';
    const agent: Agent = {
      name: 'test',
      async answer() {
        if (what === 'agent') throw noRoom(code);
        return what === 'copy' ? { kind: 'reply', pieces: [{ file: '/x', name: null }] } : AGAIN;
      },
    };
    const turns = createUndelivered({
      store: desk.store,
      agent,
      folder,
      outgoing: { ...whole, keepCopy: () => Promise.reject(noRoom(code)) },
      events,
      over: { retries: 1 },
      clock,
      attachments: {
        async complete(turn) {
          if (what === 'attachment') throw noRoom(code);
          return turn;
        },
      },
      random: () => 1,
    });
    /** Seconds until the next attempt. */
    const attempt = async (): Promise<number> => {
      const step = await turns.run(seq);
      const waitMs = step.kind === 'later' ? step.notBeforeMs - clock.now() : Number.NaN;
      clock.pass(waitMs);
      return waitMs / 1_000;
    };
    const waits: number[] = [];
    for (code of ['EMFILE', 'EAGAIN', 'ENOMEM', 'ENOSPC']) {
      for (what of ['agent', 'copy', 'attachment'] as const) waits.push(await attempt());
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, ...Array(7).fill(600)]);
    expect(events.filter(({ type }) => type === 'outcome')).toHaveLength(waits.length);
    expect(await queued()).toEqual([]);
    const first = seq;
    // Each message has its own wait, and an attempt for which there was enough ends it.
    seq = await says();
    what = 'agent';
    expect([await attempt(), await attempt()]).toEqual([30, 60]);
    seq = first;
    what = 'nothing';
    expect(await attempt()).toBe(0);
    what = 'copy';
    expect([await attempt(), await attempt()]).toEqual([30, 60]);
    turns.cancel(seq);
    expect(await attempt()).toBe(30);
  });

  test('a turn that has filled the disk makes room before its end is stored', async () => {
    const seq = await says();
    const { finishTurn } = desk.store.turns;
    const left: string[][] = [];
    desk.store.turns.finishTurn = async (input) => {
      left.push(await readdir(join(folder, 'turns')));
      return finishTurn(input);
    };
    outgoing = {
      ...outgoing,
      keepCopy: () => Promise.reject(Object.assign(new Error('no room'), { code: 'ENOSPC' })),
    };
    const turns = turnsOf(async ({ folders }) => {
      const file = join(folders().reply, 'a.bin');
      writeFileSync(file, 'x');
      return { kind: 'reply', pieces: [{ file, name: null }] };
    });
    expect(await turns.run(seq)).toMatchObject({ kind: 'later' });
    expect(left).toEqual([[]]);
  });

  test('no user is told of an attempt that waits for its attachments', async () => {
    const clock = createStillClock();
    clock.pass(desk.nowMs);
    const seq = await says();
    const noRoom = Object.assign(new Error('no room'), { code: 'ENOSPC' });
    const turns = createUndelivered({
      store: desk.store,
      agent: { name: 'test', answer: async () => DONE },
      folder,
      outgoing,
      over: { workingNoticeMs: 1_000 },
      clock,
      attachments: { complete: () => Promise.reject(noRoom) },
    });
    expect(await turns.run(seq)).toMatchObject({ kind: 'later' });
    clock.pass(5_000);
    await settle();
    expect(await queued()).toEqual([]);
  });

  test('sends what it can of an answer, names what it cannot, and counts as failed', async () => {
    const piece = (name: string): ReplyPiece => ({ file: join(folder, name), name: null });
    const sized = (name: string, sizeBytes: number): void => {
      writeFileSync(join(folder, name), '');
      truncateSync(join(folder, name), sizeBytes);
    };
    sized('a.txt', 1);
    sized('b.txt', 2);
    sized('sparse.bin', 2 ** 40);
    sized('over.bin', 2 ** 30 + 1);
    await mkdir(join(folder, 'sub'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync('loop', join(folder, 'loop'));
    const cases: [string, string, string][] = [
      ['sparse.bin', 'too-large', 'sparse.bin (too large)'],
      ['over.bin', 'too-large', 'over.bin (too large)'],
      ['none', 'bad-output', 'none (not found)'],
      ['a.txt/none', 'bad-output', 'none (not found)'],
      ['sub', 'bad-output', 'sub (cannot be read)'],
      ['pipe', 'bad-output', 'pipe (cannot be read)'],
      ['loop', 'bad-output', 'loop (cannot be read)'],
    ];
    for (const [name, reason, named] of cases) {
      const pieces = [{ text: 'here' }, piece('a.txt'), piece(name), piece('b.txt')];
      await attempt(await says(), [], { kind: 'reply', pieces });
      const notice = `⚠️ The answer is not complete. Not sent: ${named}.`;
      const sent = (await queued()).slice(-4).map((part) => part.file?.name ?? part.text);
      expect(sent, name).toEqual(['here', 'a.txt', 'b.txt', notice]);
      expect(events.at(-1), name).toMatchObject({ outcome: 'failed', reason, parts: 4 });
    }
    await attempt(await says('你好，请看'), [], { kind: 'reply', pieces: [piece('over.bin')] });
    expect((await queuedTexts()).at(-1)).toBe('⚠️ 回复不完整，没有发出的文件：over.bin（文件过大）。');
  });

  test('sends a thousand files of an answer, and names the first few of the others', async () => {
    const kept: PartFile = { path: '/x', name: '', kind: 'file', sizeBytes: 1, md5: 'm' };
    outgoing = { ...outgoing, keepCopy: async (_, name) => ({ ...kept, name }) };
    const pieces = Array.from({ length: 1_500 }, (_, n) => ({ file: '/x', name: `${n}.txt` }));
    await attempt(await says(), [], { kind: 'reply', pieces: [{ text: 'here' }, ...pieces] });
    const parts = await queued();
    expect(parts).toHaveLength(1_002);
    expect(parts.at(-2)?.file?.name).toBe('999.txt');
    expect(parts.at(-1)?.text).toMatch(
      /Not sent: 1000\.txt \(too many files\), .*1004\.txt .*, and 495 more\.$/,
    );
    expect(events.at(-1)).toMatchObject({ outcome: 'failed', reason: 'too-large' });
  });

  test('leaves no copy of an answer that could not be kept whole', async () => {
    await writeFile(join(folder, 'a.txt'), 'x');
    const keepCopy: Outgoing['keepCopy'] = async (path, ...rest) => {
      if (path.endsWith('a.txt')) return whole.keepCopy(path, ...rest);
      throw new WxError('storage', 'no room', { cause: Object.assign(new Error(), { code: 'ENOSPC' }) });
    };
    const whole = outgoing;
    outgoing = { ...whole, keepCopy };
    const files = ['a.txt', 'b.txt'].map((name) => ({ file: join(folder, name), name: null }));
    const seq = await says();
    const turns = turnsOf(async () => ({ kind: 'reply', pieces: files }));
    expect(await turns.run(seq)).toMatchObject({ kind: 'later' });
    expect(await readdir(join(folder, 'out'))).toEqual([]);
  });
});
