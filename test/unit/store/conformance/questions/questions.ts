import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type {
  IncomingMessage,
  IntakeResult,
  NewQuestion,
  QuestionView,
  Said,
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
} from '../desk.ts';

const YES_NO = [
  { name: 'yes', label: null },
  { name: 'no', label: null },
];
const MINUTE_MS = 60_000;

/** Questions of programs, and the messages that answer them. */
export function describeQuestions(make: MakeStore): void {
  let data: StoreUnderTest;
  /** The process that asks, and the one that serves the account. */
  let asker: Desk;
  let runner: Desk;

  beforeEach(async () => {
    data = await make();
    asker = await createDesk(await data.open('asker'));
    runner = await createDesk(await data.open('runner'));
    await runner.runs(await runner.says(OWNER));
    await runner.runs(await runner.says(FRIEND));
  });

  afterEach(() => data.dispose());

  /** Time passes for both. */
  function passes(ms: number): void {
    runner.nowMs += ms;
    asker.nowMs += ms;
  }

  const ask = (over: Partial<NewQuestion> = {}, desk = asker): Promise<QuestionView> =>
    desk.store.questions.ask({
      account: ACCOUNT,
      user: OWNER,
      choices: YES_NO,
      timeoutMs: MINUTE_MS,
      fingerprint: 'deploy',
      message: null,
      compose: ({ number, hasOthers }) => [
        part(`#${number} deploy?${hasOthers ? ' one of several' : ''}`, 'send'),
      ],
      nowMs: desk.nowMs,
      ...over,
    });
  const look = async ({ seq }: QuestionView) => (await runner.store.questions.question(seq)) as QuestionView;
  const close = ({ seq }: QuestionView) =>
    asker.store.questions.close({ account: ACCOUNT, seq, nowMs: asker.nowMs });
  const writes = async (
    text: string,
    over: Partial<IncomingMessage> = {},
    quote: Said['quote'] = null,
    triage: 'now' | 'later' = 'now',
  ): Promise<IntakeResult['messages'][0]> => {
    const message = incoming({
      createdAtMs: runner.nowMs,
      said: { text, atMs: runner.nowMs, quote },
      ...over,
    });
    const { messages } = await runner.receive([message], { triage });
    return messages[0] as IntakeResult['messages'][0];
  };
  const told = async () => (await runner.deliver(OWNER)).map((text) => JSON.parse(text) as object);

  test('the answer comes with the message, which no agent gets', async () => {
    const question = await ask();
    expect(question).toMatchObject({ number: 1, state: 'open', answer: null, part: { state: 'queued' } });
    expect(await runner.deliver(OWNER)).toEqual(['#1 deploy?']);
    expect((await look(question)).part).toMatchObject({ state: 'confirmed', sentAtMs: runner.nowMs });
    expect(await writes('Yes')).toMatchObject({ state: 'answered', reason: 'answer' });
    expect(await look(question)).toMatchObject({ state: 'answered', answer: 'Yes', choice: 0 });
    expect(await close(question)).toMatchObject({ state: 'answered', answer: 'Yes', choice: 0 });
    expect(await close(question)).toMatchObject({ state: 'closed' });
    expect(await runner.store.inbox.unfinished(ACCOUNT)).toEqual([]);
    expect(await told()).toEqual([]);
  });

  test.each(['now', 'later'] as const)('whoever polls: %s', async (triage) => {
    const question = await ask();
    await runner.deliver(OWNER);
    expect(await writes('no', {}, null, triage)).toMatchObject({ state: 'answered' });
    expect(await close(question)).toMatchObject({ choice: 1 });
  });

  test('only who was asked answers, and only what was sent is asked', async () => {
    const question = await ask();
    expect(await writes('yes')).toMatchObject({ state: 'received' });
    await runner.deliver(OWNER);
    expect(await writes('yes', { user: FRIEND })).toMatchObject({ state: 'ignored', reason: 'stranger' });
    const said = { text: 'yes', atMs: runner.nowMs - 3_000, quote: null };
    expect(await writes('yes', { said })).toMatchObject({ state: 'received' });
    expect(await writes('yes', { chat: null })).toMatchObject({ state: 'received' });
    expect(await writes('yes', { ignore: 'too-old' })).toMatchObject({ state: 'ignored' });
    expect(await look(question)).toMatchObject({ state: 'open' });
    const other = await ask({ user: FRIEND, fingerprint: null });
    await runner.deliver(FRIEND);
    expect(await writes('yes', { user: FRIEND })).toMatchObject({ state: 'answered' });
    expect(await look(other)).toMatchObject({ state: 'answered' });
    expect(await look(question)).toMatchObject({ state: 'open' });
  });

  test('what was written while the question was on its way is no answer, though it comes after it', async () => {
    const question = await ask();
    passes(5 * MINUTE_MS);
    const said = { text: 'ok', atMs: runner.nowMs, quote: null };
    passes(MINUTE_MS);
    await runner.deliver(OWNER);
    expect(await writes('ok', { said })).toMatchObject({ state: 'received' });
    expect(await look(question)).toMatchObject({ state: 'open' });
    expect(await writes('＃１　ok')).toMatchObject({ reason: 'answer' });
  });

  test('what was written after a request of the question with an unknown result may be its answer', async () => {
    const question = await ask();
    await runner.settle((await runner.claimed(OWNER)).seq, { kind: 'unknown', detail: 'cut' });
    const said = { text: 'ok', atMs: runner.nowMs + 1_000, quote: null };
    passes(MINUTE_MS);
    await runner.deliver(OWNER);
    expect(await writes('ok', { said })).toMatchObject({ reason: 'answer' });
    expect(await close(question)).toMatchObject({ choice: 0 });
  });

  test('a chat command of the owner stays one, and somebody else’s text is an answer', async () => {
    const question = await ask({ choices: null });
    await runner.deliver(OWNER);
    const chat = { command: 'status', agentFrom: null } as const;
    expect(await writes('/status', { chat })).toMatchObject({ state: 'command' });
    const other = await ask({ user: FRIEND, choices: null, fingerprint: null });
    await runner.deliver(FRIEND);
    expect(await writes('/status', { chat, user: FRIEND })).toMatchObject({ state: 'answered' });
    expect([(await look(question)).state, (await look(other)).answer]).toEqual(['open', '/status']);
  });

  test('several: by the ID in a quote, by number; a bare one is asked back once', async () => {
    const one = await ask();
    const two = await ask({ fingerprint: null, choices: null });
    expect(await runner.deliver(OWNER)).toEqual(['#1 deploy?', '#2 deploy? one of several']);
    expect(await writes('yes')).toMatchObject({ state: 'answered', reason: 'answer-which' });
    expect(await told()).toMatchObject([
      { about: 'answer', why: 'which', questions: [{ number: 2 }, { number: 1 }] },
    ]);
    expect(await writes('yes')).toMatchObject({ state: 'received' });
    const quote = { id: `server-${one.part.seq}`, atMs: null, text: null };
    expect(await writes('no', {}, quote)).toMatchObject({ state: 'answered', reason: 'answer' });
    expect(await writes('#2 on Monday')).toMatchObject({ state: 'answered', reason: 'answer' });
    expect(await look(one)).toMatchObject({ answer: 'no', choice: 1 });
    expect(await look(two)).toMatchObject({ answer: 'on Monday', choice: null });
  });

  test('beside a question of a turn, which takes what names no other', async () => {
    const one = await ask();
    await runner.deliver(OWNER);
    const turn = await runner.sends(OWNER, 'may I?');
    await runner.deliver(OWNER);
    const chat = { busy: 'queue', mergeMs: 0, questionTo: () => turn.seq, noticeOf: () => [] } as const;
    const receive = async (text: string, quote: Said['quote'] = null) =>
      (
        await runner.receive(
          [incoming({ createdAtMs: runner.nowMs, said: { text, atMs: runner.nowMs, quote } })],
          { chat },
        )
      ).messages[0];
    expect(await receive('do as you like')).toMatchObject({ state: 'answer' });
    expect(await receive('yes')).toMatchObject({ state: 'answered', reason: 'answer-which' });
    expect(await receive('yes', { id: turn.serverId ?? 'x', atMs: null, text: 'may I?' })).toMatchObject({
      state: 'answer',
    });
    expect(await receive('#1 yes')).toMatchObject({ state: 'answered', reason: 'answer' });
    expect(await look(one)).toMatchObject({ choice: 0 });
  });

  test('held, merged and released: it is asked when it arrives, and quoted by what carries it', async () => {
    const before = await runner.sends(OWNER, 'alert');
    const { part: sending } = { part: await runner.claimed(OWNER) };
    await runner.refuse(sending.seq);
    const question = await ask();
    expect((await look(question)).part).toMatchObject({ state: 'held', sentAtMs: null });
    expect(await writes('yes')).toMatchObject({ state: 'received' });
    expect(await runner.deliver(OWNER)).toEqual(['alert|#1 deploy?']);
    expect((await look(question)).part).toMatchObject({ state: 'confirmed' });
    const quote = { id: `server-${before.seq}`, atMs: null, text: null };
    expect(await writes('no', {}, quote)).toMatchObject({ reason: 'answer' });
    expect(await close(question)).toMatchObject({ choice: 1 });
  });

  test('an answer after the end is told so, once where it names no question', async () => {
    const question = await ask();
    await runner.deliver(OWNER);
    await close(question);
    expect(await writes('yes')).toMatchObject({ state: 'answered', reason: 'answer-late' });
    expect(await writes('yes')).toMatchObject({ state: 'received' });
    expect(await writes('#1 yes')).toMatchObject({ state: 'answered', reason: 'answer-late' });
    expect(await told()).toMatchObject([{ why: 'late' }, { why: 'late' }]);
    const quote = { id: `server-${question.part.seq}`, atMs: null, text: null };
    expect(await writes('whatever', {}, quote)).toMatchObject({ reason: 'answer-late' });
  });

  test('the number of one that was over long ago means something else, unless a choice comes with it', async () => {
    const question = await ask();
    await runner.deliver(OWNER);
    await close(question);
    expect(await writes('#1 fix the login page')).toMatchObject({ reason: 'answer-late' });
    passes(60 * MINUTE_MS);
    expect(await writes('#1 fix the login page')).toMatchObject({ state: 'received' });
    expect(await writes('#1 yes')).toMatchObject({ reason: 'answer-late' });
    const other = await ask({ choices: null, fingerprint: null });
    await runner.deliver(OWNER);
    expect(await writes('#1 fix the login page')).toMatchObject({ reason: 'answer' });
    expect(await look(other)).toMatchObject({ answer: '#1 fix the login page' });
  });

  test('one that nobody waits for was over when its time was', async () => {
    const question = await ask();
    await runner.deliver(OWNER);
    await asker.store.questions.leave({ account: ACCOUNT, seq: question.seq });
    passes(61 * MINUTE_MS);
    expect(await writes('yes')).toMatchObject({ state: 'received' });
  });

  test('an asker that was killed: the answer is kept for who asks the same, for as long as it had time', async () => {
    const question = await ask();
    await runner.deliver(OWNER);
    data.kill('asker');
    expect(await writes('yes')).toMatchObject({ reason: 'answer' });
    expect(await told()).toMatchObject([{ why: 'kept' }]);
    const again = await createDesk(await data.open('again'));
    again.nowMs = runner.nowMs + MINUTE_MS;
    expect(await ask({ fingerprint: 'other' }, again)).toMatchObject({ number: 2, state: 'open' });
    expect(await ask({}, again)).toMatchObject({ seq: question.seq, state: 'answered', choice: 0 });
    data.kill('again');
    const late = await createDesk(await data.open('late'));
    late.nowMs = again.nowMs + 1;
    expect(await ask({}, late)).toMatchObject({ number: 3, state: 'open' });
  });

  test('a killed asker is replaced before the answer too; a living one is not', async () => {
    const question = await ask();
    const other = await createDesk(await data.open('other'));
    expect(await ask({}, other)).toMatchObject({ number: 2 });
    data.kill('asker');
    const again = await createDesk(await data.open('again'));
    data.kill('other');
    expect((await ask({}, again)).number).toBe(2);
    await again.store.questions.leave({ account: ACCOUNT, seq: question.seq });
    expect(await runner.deliver(OWNER)).toHaveLength(2);
  });

  test('one that nobody waits for is over when its time is; one that is waited for when its asker says so', async () => {
    const question = await ask();
    await runner.deliver(OWNER);
    passes(MINUTE_MS + 1);
    await asker.store.questions.renew({ account: ACCOUNT, seq: question.seq, nowMs: asker.nowMs });
    await asker.store.questions.leave({ account: ACCOUNT, seq: question.seq });
    expect(await writes('yes')).toMatchObject({ reason: 'answer-late' });
    const waited = await ask();
    await runner.deliver(OWNER);
    passes(MINUTE_MS + 1);
    await asker.store.questions.renew({ account: ACCOUNT, seq: waited.seq, nowMs: asker.nowMs });
    expect(await writes('yes')).toMatchObject({ reason: 'answer' });
  });

  test('an answer and the end of its time: one of them comes first, and both sides agree', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), async (isAnswerFirst) => {
        const question = await ask({ fingerprint: null });
        await runner.deliver(OWNER);
        const ends = [() => writes(`#${question.number} yes`), () => close(question)];
        const [message, closed] = isAnswerFirst
          ? await Promise.all(ends.map((end) => end()))
          : (await Promise.all(ends.reverse().map((end) => end()))).reverse();
        const isAnswered = (closed as QuestionView).answer !== null;
        expect((message as IntakeResult['messages'][0]).reason).toBe(isAnswered ? 'answer' : 'answer-late');
        await runner.deliver(OWNER);
      }),
      { numRuns: 12 },
    );
  });

  test('old ones are swept, and their numbers are free', async () => {
    const question = await ask();
    passes(31 * 86_400_000);
    const retention = {
      accounts: [ACCOUNT],
      holdMaxMs: 1e12,
      finishedMs: 30 * 86_400_000,
      finishedPerUser: 100,
    };
    await runner.store.admin.sweep({ ...retention, nowMs: runner.nowMs });
    expect(await runner.store.questions.question(question.seq)).toBe(null);
    expect(await ask()).toMatchObject({ number: 1 });
  });
}
