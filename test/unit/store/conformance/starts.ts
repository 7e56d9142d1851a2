import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Intake, IntakeResult, StartedTurn } from '../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  type MakeStore,
  OWNER,
  type StoreUnderTest,
  TERMS,
} from './desk.ts';

/** Turns that begin with the commit that stores their message. */
export function describeStarts(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(data.open('a'));
  });
  afterEach(() => data.dispose());

  /** Takes in messages that may all start at once. */
  const begin = (
    messages: ReturnType<typeof incoming>[],
    over: Partial<Intake> = {},
  ): Promise<IntakeResult> => desk.takeIn(messages, { allow: 'all', mayStart: () => true, ...over });
  const stateOf = async (seq: number): Promise<string | undefined> =>
    (await desk.store.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 100 })).find(
      (one) => one.seq === seq,
    )?.state;
  const startOf = (result: IntakeResult): StartedTurn => result.started[0] as StartedTurn;

  test.each([OWNER, FRIEND])('a start is the same as one of its own: %s', async (user) => {
    const message = incoming({ user, chat: { command: null, agentFrom: 2 } });
    for (let turn = 1; turn < 4; turn++) {
      const { messages, started } = await begin([{ ...message, ...idOf() }]);
      const seq = messages[0]?.seq ?? 0;
      expect(started).toHaveLength(1);
      expect(await desk.store.startTurn({ account: ACCOUNT, seq, mergeMs: 0, nowMs: desk.nowMs })).toBeNull();
      expect(await stateOf(seq)).toBe('running');
      expect(started[0]).toMatchObject({ turn, attempt: 1 });
      // Put back, it starts once more, and is what it was but for the attempt.
      await desk.finish(seq, { kind: 'again', notBeforeMs: 0, counts: false, detail: '' });
      expect(await desk.start(seq)).toEqual({ ...started[0], attempt: 2 });
      await desk.answers(await desk.says(user), 'between');
      turn++;
    }
  });

  test('of several messages of a user the first starts, the others wait for it', async () => {
    const { messages, started } = await begin([incoming(), incoming({ user: FRIEND }), incoming()]);
    const [first, other, second] = messages.map(({ seq }) => seq);
    expect(started.map(({ seq }) => seq)).toEqual([first, other]);
    expect((await desk.store.unfinished(ACCOUNT)).map(({ seq }) => seq)).toEqual([second]);
  });

  test('who may not start is asked for with those before him, whether they start or not, and waits', async () => {
    const asked: unknown[] = [];
    const mayStart = (user: string, others: number): boolean => {
      asked.push([user, others]);
      return others === 1;
    };
    const { started } = await begin(
      [OWNER, FRIEND, FRIEND, 'third@im.wechat'].map((user) => incoming({ user })),
      { mayStart },
    );
    expect(started.map(({ user }) => user)).toEqual([FRIEND]);
    expect(asked).toEqual([
      [OWNER, 0],
      [FRIEND, 1],
      ['third@im.wechat', 2],
    ]);
  });

  test('what is no turn does not start', async () => {
    const first = incoming();
    const taken = await begin([incoming({ ignore: 'kind:image' }), first, first]);
    expect(taken.messages.map(({ state }) => state)).toEqual(['ignored', 'received', 'duplicate']);
    expect(taken.started.map(({ seq }) => seq)).toEqual([taken.messages[1]?.seq]);
  });

  test('what is gathered with others, begins a session or comes by a former login starts later', async () => {
    const gathered = await begin([incoming()], { chat: { ...TERMS, mergeMs: 500 } });
    const fresh = await begin([incoming({ chat: { command: 'new', agentFrom: 5 } })]);
    const late = await begin([incoming({ user: 'third@im.wechat' })], { login: 'login-0' });
    expect([gathered, fresh, late].map(({ started }) => started)).toEqual([[], [], []]);
    expect(await desk.store.unfinished(ACCOUNT)).toHaveLength(3);
  });

  test('beside a command nothing starts: one that runs again may take the room', async () => {
    const again = incoming({ chat: { command: 'again', agentFrom: null } });
    expect((await begin([incoming({ user: FRIEND }), again])).started).toEqual([]);
  });

  test.each([
    ['a stop', incoming({ chat: { command: 'stop', agentFrom: null } }), TERMS],
    ['a newer message', incoming(), { ...TERMS, busy: 'latest' } as const],
  ])(
    'what %s of the same poll ends has not begun, and has taken no place in the session',
    async (_, later, chat) => {
      const { messages, started, superseded } = await begin([incoming(), later], { chat });
      const [first] = messages.map(({ seq }) => seq);
      expect(started).toEqual([]);
      expect(superseded).toEqual([{ seq: first, user: OWNER }]);
      expect(await stateOf(first ?? 0)).toBe('superseded');
      expect(await desk.start(await desk.says(OWNER))).toMatchObject({ turn: 1, attempt: 1 });
    },
  );

  test('a crash puts it back as any other', async () => {
    const { seq } = startOf(await begin([incoming()]));
    await desk.store.recover({ account: ACCOUNT, former: null, retries: 3, nowMs: desk.nowMs });
    expect(await stateOf(seq)).toBe('waiting');
    expect(await desk.start(seq)).toMatchObject({ attempt: 2, failures: 1, turn: 1 });
  });
}

function idOf(): Pick<ReturnType<typeof incoming>, 'id' | 'createdAtMs' | 'fingerprint'> {
  const { id, createdAtMs, fingerprint } = incoming();
  return { id, createdAtMs, fingerprint };
}
