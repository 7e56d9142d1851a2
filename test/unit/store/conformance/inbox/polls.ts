import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { IncomingMessage, NewPart } from '../../../../../src/store/port/port.ts';
import { ACCOUNT, createDesk, type Desk, FRIEND, incoming, type MakeStore, OWNER, TERMS } from '../desk.ts';

const USERS = [OWNER, FRIEND, 'third@im.wechat'];

/** What a message of a poll is like; `same` is a message before it that it repeats, counted back. */
interface Said {
  user: string;
  contextToken: string | null;
  ignore: string | null;
  command: 'stop' | 'new' | 'again' | 'status' | null;
  hasMore: boolean;
  same: number | null;
}

const said: fc.Arbitrary<Said> = fc.record({
  user: fc.constantFrom(...USERS),
  contextToken: fc.constantFrom(null, 'one', 'two'),
  ignore: fc.constantFrom(null, null, null, 'kind:image'),
  command: fc.constantFrom(null, null, null, 'stop', 'new', 'again', 'status'),
  hasMore: fc.boolean(),
  same: fc.option(fc.nat({ max: 3 }), { freq: 5 }),
});

/** A poll of several messages: what is asked and written once for all of them shows nowhere. */
export function describePolls(make: MakeStore): void {
  const first = incoming({ ignore: 'old' });

  /** A store in which the friend has something held, and nobody is the owner. */
  async function prepare(): Promise<{ desk: Desk; dispose: () => Promise<void> }> {
    const data = await make();
    const desk = await createDesk(await data.open('a'), null);
    await desk.receive([{ ...first, user: FRIEND }]);
    await desk.store.admin.setAllowed({ account: ACCOUNT, user: FRIEND, allowed: true, nowMs: desk.nowMs });
    await desk.sends(FRIEND, 'held');
    await desk.claim(FRIEND);
    desk.nowMs += 3_600_000;
    return { desk, dispose: () => data.dispose() };
  }

  /** Takes in polls, and tells all that can be seen of it. */
  async function seenOf(polls: IncomingMessage[][]): Promise<unknown> {
    const { desk, dispose } = await prepare();
    let n = 0;
    const noticeOf = (news: unknown): NewPart[] => [
      { clientId: `notice-${n++}`, origin: 'notice', runId: null, text: JSON.stringify(news), file: null },
    ];
    try {
      const seen: unknown[] = [];
      for (const messages of polls) {
        const result = await desk.receive(messages, { chat: { ...TERMS, noticeOf } });
        seen.push(result.messages, result.superseded, result.again, result.released);
      }
      const { store, nowMs } = desk;
      const states = await store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 100 });
      const places = [];
      for (const { seq } of await store.inbox.unfinished(ACCOUNT)) {
        const { sessionId, turn, isOwner } = await desk.start(seq);
        places.push({ sessionId, turn, isOwner });
        await desk.finish(seq, { kind: 'done' });
      }
      const sessions = [...new Set(places.map(({ sessionId }) => sessionId))];
      const users = [];
      for (const user of USERS) {
        users.push(await store.outbox.budget({ account: ACCOUNT, user, nowMs }));
        users.push(await store.sessions.contextToken({ account: ACCOUNT, user }));
      }
      return {
        seen: (seen.flat() as object[]).map((one) => JSON.stringify(one)).sort(),
        owner: (await store.admin.accountView(ACCOUNT))?.owner,
        states,
        places: places.map(({ sessionId, ...place }) => [sessions.indexOf(sessionId), place]),
        users,
        parts: (await store.outbox.openParts(ACCOUNT)).map(({ clientId, ...shown }) => shown),
      };
    } finally {
      await dispose();
    }
  }

  function messagesOf(all: readonly Said[]): IncomingMessage[] {
    const made: IncomingMessage[] = [];
    for (const { command, hasMore, same, ...over } of all) {
      const repeated = same === null ? undefined : made.at(-1 - same);
      const chat = { command, agentFrom: command !== null && !hasMore ? null : 0 };
      made.push(repeated ?? incoming({ ...over, chat }));
    }
    return made;
  }

  test('it is what a poll for each of them is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(said, { minLength: 2, maxLength: 8 }), async (all) => {
        const messages = messagesOf(all);
        expect(await seenOf([messages])).toEqual(await seenOf(messages.map((one) => [one])));
      }),
      { numRuns: 25, seed: 20_261_123 },
    );
  });

  const plain = { contextToken: null, ignore: null, command: null, hasMore: false, same: null };
  test.each<[string, Partial<Said>[]]>([
    [
      'an owner is known from their message on, also for users who wrote before',
      [{ user: FRIEND, ignore: 'x' }, {}, { user: FRIEND }],
    ],
    ['a token stays that of the last message that has one', [{ contextToken: 'one' }, {}]],
    ['a command finds what was said before it', [{}, {}, { command: 'status' }, {}, { command: 'new' }, {}]],
    ['a hold ends once', [{}, { user: FRIEND }, { user: FRIEND }]],
  ])('%s', async (_, all) => {
    const messages = messagesOf(all.map((one) => ({ user: OWNER, ...plain, ...one })));
    expect(await seenOf([messages])).toEqual(await seenOf(messages.map((one) => [one])));
  });
}
