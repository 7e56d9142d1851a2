import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  ChatCommand,
  ChatNotice,
  ChatPolicy,
  IncomingMessage,
  Intake,
  IntakeResult,
  MessageView,
} from '../../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
  TERMS,
} from '../desk.ts';

/** A message that is a command and nothing else. */
const command = (name: ChatCommand, user = OWNER) =>
  incoming({ user, chat: { command: name, agentFrom: null } });

/** What users ask of wxagent itself, and what becomes of messages while others are at work. */
export function describeChat(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const message = async (seq: number): Promise<MessageView> => {
    const all = await desk.store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 100 });
    return all.find((one) => one.seq === seq) as MessageView;
  };
  const state = async (seq: number): Promise<string> => {
    const { state: name, reason } = await message(seq);
    return reason === null ? name : `${name} (${reason})`;
  };
  const under = (chat: Partial<ChatPolicy>): Partial<Intake> => ({
    chat: { ...TERMS, ...chat },
    allow: 'all',
  });
  const unfinished = async () => (await desk.store.inbox.unfinished(ACCOUNT)).map(({ seq }) => seq);
  const told = async (user = OWNER): Promise<ChatNotice[]> =>
    (await desk.deliver(user)).map((text) => JSON.parse(text) as ChatNotice);
  const fails = async (seq: number): Promise<void> => {
    await desk.start(seq);
    await desk.finish(seq, { kind: 'failed', reason: 'exit', detail: 'x' });
  };
  const idOf = async (seq: number): Promise<string> => (await message(seq)).id;
  const seqOf = (result: IntakeResult, at = 0): number => result.messages[at]?.seq as number;

  test('the language of a user is that of their last text that had one, also for other processes', async () => {
    const told: unknown[] = [];
    const noticeOf: ChatPolicy['noticeOf'] = (news, language) => {
      told.push(language);
      return [part(JSON.stringify(news), 'notice')];
    };
    const receive = (...messages: IncomingMessage[]) =>
      desk.receive(messages, { allow: 'all', chat: { ...TERMS, noticeOf } });
    await receive(command('help'));
    await receive(incoming({ language: 'zh' }), command('help'));
    const { messages } = await receive(incoming(), incoming({ user: FRIEND }), command('status'));
    expect(told).toEqual([null, 'zh', 'zh']);
    const other = await createDesk(await data.open('b'));
    const languages = messages.slice(0, 2).map(async ({ seq }) => (await other.start(seq)).language);
    expect(await Promise.all(languages)).toEqual(['zh', null]);
    await receive(incoming({ language: 'en' }), incoming(), command('help'));
    expect(told.at(-1)).toBe('en');
  });

  describe('a command', () => {
    test('is stored as one, answered in the same step, and given to no agent', async () => {
      const result = await desk.receive([command('help')]);
      expect(result.messages).toMatchObject([{ state: 'command', reason: 'command' }]);
      expect(await state(seqOf(result))).toBe('done (command)');
      expect(await unfinished()).toEqual([]);
      expect(await told()).toEqual([{ about: 'help' }]);
    });

    test('delivered twice does nothing the second time', async () => {
      const help = command('help');
      const states = (await desk.receive([help, help])).messages.map((one) => one.state);
      expect(states).toEqual(['command', 'duplicate']);
      expect((await desk.receive([{ ...help, id: '7' }])).messages[0]?.state).toBe('duplicate');
      expect(await told()).toHaveLength(1);
    });

    test('opens the window and releases what was held, which goes before the answer', async () => {
      await desk.says(OWNER);
      await desk.sends(OWNER, 'held');
      await desk.refuse((await desk.claimed(OWNER)).seq);
      expect((await desk.receive([command('help')])).released).toEqual([OWNER]);
      expect(await desk.deliver(OWNER)).toEqual(['held', JSON.stringify({ about: 'help' })]);
    });

    test('of anybody but the owner is text, all of it', async () => {
      const result = await desk.receive([command('stop', FRIEND)], { allow: 'all' });
      expect(result.messages[0]?.state).toBe('received');
      expect((await desk.start(seqOf(result))).messages).toMatchObject([{ textFrom: 0 }]);
      expect((await desk.receive([command('stop', 'stranger')])).messages[0]).toMatchObject({
        state: 'ignored',
        reason: 'stranger',
      });
    });

    test('of the first user who writes to a bot without an owner is executed', async () => {
      const other = await createDesk(desk.store, null);
      const result = await other.receive([command('help', FRIEND)], { account: 'ownerless' });
      expect(result).toMatchObject({ learnedOwner: FRIEND, messages: [{ state: 'command' }] });
    });

    test('is not run again', async () => {
      const seq = seqOf(await desk.receive([command('help')]));
      expect(await desk.store.inbox.retry({ account: ACCOUNT, id: await idOf(seq) })).toBe(0);
      await told();
      await desk.receive([command('again')]);
      expect(await told()).toEqual([{ about: 'again', message: null, isBusy: false }]);
    });

    test('and its effect are one step: where the answer cannot be written nothing has happened', async () => {
      const seq = await desk.says(OWNER);
      const noticeOf = (): never => {
        throw new Error('no words');
      };
      await expect(desk.receive([command('stop')], under({ noticeOf }))).rejects.toThrow('no words');
      expect(await state(seq)).toBe('received');
      expect(await told()).toEqual([]);
    });
  });

  describe('stop', () => {
    test('ends what is at work and what waits behind it, of this user only', async () => {
      const [running, waiting] = [await desk.says(OWNER), await desk.says(OWNER)];
      const other = await desk.says(FRIEND);
      await desk.start(running);
      const { superseded } = await desk.receive([command('stop')]);
      expect(superseded).toEqual([
        { seq: running, user: OWNER },
        { seq: waiting, user: OWNER },
      ]);
      expect([await state(running), await state(waiting)]).toEqual([
        'superseded (stop)',
        'superseded (stop)',
      ]);
      expect(await unfinished()).toEqual([other]);
      expect(await told()).toEqual([{ about: 'stop', ended: true, dropped: 1 }]);
    });

    test('takes back the answer of the turn it has ended', async () => {
      const seq = await desk.says(OWNER);
      await desk.start(seq);
      await desk.receive([command('stop')]);
      const late = {
        account: ACCOUNT,
        turn: desk.turnOf(seq),
        parts: [part('late')],
        nowMs: desk.nowMs,
        claim: null,
      };
      await desk.store.turns.queueOutput({ ...late, output: { index: 0, digest: 'x' } });
      await desk.finish(seq, { kind: 'done' }, [part('too late')]);
      expect(await state(seq)).toBe('superseded (stop)');
      expect(await told()).toEqual([{ about: 'stop', ended: true, dropped: 0 }]);
    });

    test('counts a message that waits for a retry as at work; with nothing there it says so', async () => {
      const seq = await desk.says(OWNER);
      await desk.start(seq);
      await desk.finish(seq, { kind: 'retry', notBeforeMs: desk.nowMs + 9, counts: true, detail: '' });
      await desk.receive([command('stop'), command('stop')]);
      expect(await unfinished()).toEqual([]);
      expect(await told()).toEqual([
        { about: 'stop', ended: true, dropped: 0 },
        { about: 'stop', ended: false, dropped: 0 },
      ]);
    });

    test('leaves what was written after it, also in the same poll', async () => {
      const result = await desk.receive([incoming(), command('stop'), incoming()]);
      expect(await unfinished()).toEqual([seqOf(result, 2)]);
    });

    test('leaves the process of a stopped turn known until it has ended', async () => {
      const seq = await desk.says(OWNER);
      const { id } = await desk.start(seq);
      await desk.store.turns.recordChild({ account: ACCOUNT, id, child: { pid: 7, startTime: 'x' } });
      await desk.receive([command('stop')]);
      const recover = () =>
        desk.store.turns.recover({ account: ACCOUNT, former: null, retries: 3, nowMs: desk.nowMs });
      expect(await recover()).toEqual({ failed: [], children: [{ pid: 7, startTime: 'x' }] });
      await desk.finish(seq, { kind: 'failed', reason: 'cancelled', detail: '' });
      expect((await recover()).children).toEqual([]);
      expect(await unfinished()).toEqual([]);
    });
  });

  describe('new', () => {
    test('begins a session with the next message; what was written before stays in the old one', async () => {
      const running = await desk.says(OWNER);
      const first = await desk.start(running);
      const before = await desk.says(OWNER);
      await desk.receive([command('new')]);
      const after = await desk.says(OWNER);
      expect(await told()).toEqual([{ about: 'new', unfinished: 2 }]);
      await desk.finish(running, { kind: 'done' });
      expect(await desk.runs(before)).toMatchObject({ sessionId: first.sessionId, turn: 2 });
      const begun = await desk.runs(after);
      expect(begun.turn).toBe(1);
      expect(begun.sessionId).not.toBe(first.sessionId);
      expect(await desk.start(await desk.says(OWNER))).toMatchObject({ sessionId: begun.sessionId, turn: 2 });
    });

    test('with more behind it is the first message of the session, and is not answered by wxagent', async () => {
      const old = await desk.runs(await desk.says(OWNER));
      const result = await desk.receive([incoming({ chat: { command: 'new', agentFrom: 5 } })]);
      expect(result.messages[0]?.state).toBe('received');
      const started = await desk.start(seqOf(result));
      expect(started).toMatchObject({ turn: 1, messages: [{ textFrom: 5 }] });
      expect(started.sessionId).not.toBe(old.sessionId);
      expect(await told()).toEqual([]);
    });

    test('twice is as once', async () => {
      await desk.receive([command('new'), command('new')]);
      expect(await desk.start(await desk.says(OWNER))).toMatchObject({ turn: 1 });
    });
  });

  describe('again', () => {
    const again = async () => {
      const result = await desk.receive([command('again')]);
      const [news] = await told();
      return { seqs: result.again.map(({ seq }) => seq), news };
    };

    test('runs the last message that failed, although later ones were answered meanwhile', async () => {
      const [first, second] = [await desk.says(OWNER), await desk.says(OWNER)];
      desk.nowMs += 1_000;
      await fails(first);
      await desk.answers(second);
      expect(await again()).toMatchObject({ seqs: [first], news: { about: 'again', isBusy: false } });
      expect(await desk.start(first)).toMatchObject({ attempt: 2, failures: 0, turn: 1 });
    });

    test('runs the last one when the user has gone on after the failure', async () => {
      await fails(await desk.says(OWNER));
      desk.nowMs += 1_000;
      const later = await desk.says(OWNER);
      await desk.answers(later);
      expect((await again()).seqs).toEqual([later]);
    });

    test('runs what was stopped after another message has failed', async () => {
      const [failed, stopped] = [await desk.says(OWNER), await desk.says(OWNER)];
      await fails(failed);
      desk.nowMs += 1_000;
      await desk.start(stopped);
      await desk.receive([command('stop')]);
      await told();
      expect((await again()).seqs).toEqual([stopped]);
    });

    test('runs what was stopped, superseded or turned away', async () => {
      const stopped = await desk.says(OWNER);
      await desk.receive([command('stop')]);
      await told();
      expect((await again()).seqs).toEqual([stopped]);
      const refused = await desk.receive([incoming()], under({ busy: 'reject' }));
      await desk.answers(stopped);
      await told();
      expect((await again()).seqs).toEqual([seqOf(refused)]);
    });

    test('says that the last one is at work, or that there is none', async () => {
      expect((await again()).news).toEqual({ about: 'again', message: null, isBusy: false });
      await desk.start(await desk.says(OWNER));
      expect(await again()).toEqual({ seqs: [], news: { about: 'again', message: null, isBusy: true } });
    });

    test('says which one it is', async () => {
      const raw = Buffer.from('{"this":1}');
      await desk.answers(await desk.says(OWNER, { raw, chat: { command: null, agentFrom: 1 } }));
      const seen: ChatNotice[] = [];
      const noticeOf: ChatPolicy['noticeOf'] = (news) => {
        seen.push(news);
        return [];
      };
      await desk.receive([command('again')], under({ noticeOf }));
      expect(seen).toEqual([{ about: 'again', isBusy: false, message: { raw, textFrom: 1 } }]);
    });

    test('goes into the new session when there is one', async () => {
      const seq = await desk.says(OWNER);
      const { sessionId } = await desk.start(seq);
      await desk.finish(seq, { kind: 'done' });
      await desk.receive([command('new'), command('again')]);
      const rerun = await desk.start(seq);
      expect(rerun.turn).toBe(1);
      expect(rerun.sessionId).not.toBe(sessionId);
    });
  });

  test('status counts what is at work and waits, and what may still be sent', async () => {
    await desk.start(await desk.says(OWNER));
    await desk.says(OWNER);
    await desk.start(await desk.says(FRIEND));
    await desk.receive([command('status')]);
    expect(await told()).toMatchObject([{ about: 'status', running: 2, waiting: 1, held: 0, budgetLeft: 9 }]);
    await desk.sends(OWNER, 'one');
    await desk.receive([command('status')]);
    expect((await desk.deliver(OWNER)).at(-1)).toContain('"budgetLeft":8');
  });

  describe('--busy latest', () => {
    test('supersedes what is at work and what waits, of this user only', async () => {
      const [running, waiting] = [await desk.says(OWNER), await desk.says(OWNER)];
      const other = await desk.says(FRIEND);
      await desk.start(running);
      const result = await desk.receive([incoming()], under({ busy: 'latest' }));
      expect(result.superseded.map(({ seq }) => seq)).toEqual([running, waiting]);
      expect([await state(running), await state(waiting)]).toEqual([
        'superseded (latest)',
        'superseded (latest)',
      ]);
      expect(await unfinished()).toEqual([other, seqOf(result)]);
      expect(await desk.store.inbox.retry({ account: ACCOUNT, id: await idOf(running) })).toBe(1);
      expect(await unfinished()).toEqual([running, other, seqOf(result)]);
    });

    test('commands, duplicates and what is ignored supersede nothing', async () => {
      const first = incoming();
      const seq = seqOf(await desk.receive([first]));
      const ignored = incoming({ ignore: 'kind:image' });
      const { superseded } = await desk.receive(
        [command('status'), first, ignored],
        under({ busy: 'latest' }),
      );
      expect(superseded).toEqual([]);
      expect(await unfinished()).toEqual([seq]);
    });
  });

  describe('--busy reject', () => {
    const reject = under({ busy: 'reject' });

    test('turns messages away while one is unfinished, with one notice for all of them', async () => {
      const [first, second, third] = (await desk.receive([incoming(), incoming(), incoming()], reject))
        .messages;
      expect([first?.state, second?.state, third?.state]).toEqual(['received', 'ignored', 'ignored']);
      expect(await state(second?.seq as number)).toBe('ignored (busy)');
      expect(await told()).toEqual([{ about: 'busy' }]);
      await desk.answers(first?.seq as number);
      const later = await desk.receive([incoming(), incoming()], reject);
      expect(later.messages.map((one) => one.state)).toEqual(['received', 'ignored']);
      expect(await told()).toEqual([{ about: 'busy' }]);
      expect(await desk.store.inbox.retry({ account: ACCOUNT, id: second?.id as string })).toBe(1);
    });

    test('another user does not count, and a command is executed', async () => {
      await desk.receive([incoming({ user: FRIEND })], reject);
      const result = await desk.receive([incoming(), command('stop'), incoming()], reject);
      expect(result.messages.map((one) => one.state)).toEqual(['received', 'command', 'received']);
    });

    test('a new session is not begun by a message that is turned away', async () => {
      const running = await desk.says(OWNER);
      const { sessionId } = await desk.start(running);
      await desk.receive([incoming({ chat: { command: 'new', agentFrom: 5 } })], reject);
      await desk.finish(running, { kind: 'done' });
      expect(await desk.start(await desk.says(OWNER))).toMatchObject({ sessionId, turn: 2 });
    });

    test('the window opens all the same, and what was held goes out', async () => {
      const seq = await desk.says(OWNER);
      await desk.sends(OWNER, 'held');
      await desk.refuse((await desk.claimed(OWNER)).seq);
      await desk.start(seq);
      expect((await desk.receive([incoming()], reject)).released).toEqual([OWNER]);
      expect(await desk.deliver(OWNER)).toEqual(['held', JSON.stringify({ about: 'busy' })]);
    });
  });

  describe('the answer to a question', () => {
    /** A turn has asked the owner a question, which was sent. */
    const asked = async (chat: Partial<ChatPolicy> = {}) => {
      const turn = await desk.says(OWNER);
      await desk.start(turn);
      const question = (await desk.sends(OWNER, 'may I?')).seq;
      const terms = under({ questionTo: (user) => (user === OWNER ? question : null), ...chat });
      return { turn, question, terms };
    };
    const finishAnswer = (seq: number) =>
      desk.store.turns.finishAnswer({ account: ACCOUNT, seq, nowMs: desk.nowMs });

    test('is the next message of the user once the question has left, and no other', async () => {
      const { terms } = await asked();
      await desk.deliver(OWNER);
      const raw = Buffer.from('"yes"');
      const result = await desk.receive([incoming({ user: FRIEND }), incoming({ raw }), incoming()], terms);
      expect(result.messages.map((one) => one.state)).toEqual(['received', 'answer', 'received']);
      expect(await finishAnswer(seqOf(result, 1))).toEqual(raw);
      expect(await state(seqOf(result, 1))).toBe('done (answer)');
      expect(await finishAnswer(seqOf(result, 1))).toBeNull();
      expect(await finishAnswer(seqOf(result, 2))).toBeNull();
    });

    test('is nothing that was written before the question went out', async () => {
      const { terms } = await asked();
      expect((await desk.receive([incoming()], terms)).messages[0]?.state).toBe('received');
      await desk.claimed(OWNER);
      expect((await desk.receive([incoming()], terms)).messages[0]?.state).toBe('answer');
    });

    test('is nothing that was written while the question was held: that releases it', async () => {
      const { terms } = await asked();
      await desk.sends(OWNER, 'more');
      await desk.refuse((await desk.claimed(OWNER)).seq);
      const [first] = (await desk.receive([incoming()], terms)).messages;
      expect(first?.state).toBe('received');
      expect(await desk.deliver(OWNER)).toEqual(['may I?|more']);
      expect((await desk.receive([incoming()], terms)).messages[0]?.state).toBe('answer');
    });

    test('may look like a command, but for a stop; without words it is none', async () => {
      const { turn, terms } = await asked();
      await desk.deliver(OWNER);
      expect((await desk.receive([command('again')], terms)).messages[0]?.state).toBe('answer');
      expect((await desk.receive([incoming({ chat: null })], terms)).messages[0]?.state).toBe('received');
      const stop = await desk.receive([command('stop')], terms);
      expect(stop.messages[0]?.state).toBe('command');
      expect(stop.superseded).toContainEqual({ seq: turn, user: OWNER });
    });

    test.each(['latest', 'reject'] as const)(
      'is not a message in the way of the turn (--busy %s)',
      async (busy) => {
        const { turn, terms } = await asked({ busy });
        await desk.deliver(OWNER);
        const result = await desk.receive([incoming()], terms);
        expect(result).toMatchObject({ messages: [{ state: 'answer' }], superseded: [] });
        expect(await state(turn)).toBe('running');
      },
    );

    test('that nobody took before a crash runs as a message', async () => {
      const { turn, terms } = await asked();
      await desk.deliver(OWNER);
      const answer = seqOf(await desk.receive([incoming()], terms));
      await desk.store.turns.recover({ account: ACCOUNT, former: null, retries: 3, nowMs: desk.nowMs });
      expect(await unfinished()).toEqual([turn, answer]);
      await desk.start(answer);
      expect(await state(answer)).toBe('running');
      expect(await finishAnswer(answer)).toBeNull();
    });
  });

  describe('who may write', () => {
    const write = async () => (await desk.receive([incoming({ user: FRIEND })])).messages[0]?.state;
    const allow = (allowed: boolean, user = FRIEND) =>
      desk.store.admin.setAllowed({ account: ACCOUNT, user, allowed, nowMs: ++desk.nowMs });

    test('is known at the next message, whichever process has changed it', async () => {
      expect(await write()).toBe('ignored');
      const beside = await data.open('beside');
      const entry = { account: ACCOUNT, user: FRIEND, nowMs: 1 };
      expect(await beside.admin.setAllowed({ ...entry, allowed: true })).toBe(true);
      expect(await beside.admin.setAllowed({ ...entry, allowed: true })).toBe(false);
      expect(await write()).toBe('received');
      expect(await allow(false)).toBe(true);
      expect(await allow(false)).toBe(false);
      expect(await write()).toBe('ignored');
    });

    test('is a matter of each account, listed by age, and survives a new login', async () => {
      await allow(true, 'z');
      await allow(true, 'a');
      const openAgain = { account: ACCOUNT, login: 'login-2', owner: OWNER, nowMs: desk.nowMs };
      await desk.store.admin.openAccount(openAgain);
      expect((await desk.store.admin.allowed(ACCOUNT)).map(({ user }) => user)).toEqual(['z', 'a']);
      expect(await desk.store.admin.allowed('other')).toEqual([]);
    });
  });
}
