import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ChatEntry, ChatPlace } from '../../../../../src/store/port/port.ts';
import { ACCOUNT, createDesk, type Desk, FRIEND, type MakeStore, OWNER, part, START_MS } from '../desk.ts';

const END: ChatPlace = { messageSeq: Number.MAX_SAFE_INTEGER, partSeq: Number.MAX_SAFE_INTEGER };

/** `m3`, `p1`: which message, which part. */
const nameOf = ({ message, part }: ChatEntry): string => (message ? `m${message.seq}` : `p${part?.seq}`);

/** Conversations: a list of them, and what stands in one. */
export function describeConversations(make: MakeStore): void {
  let data: Awaited<ReturnType<MakeStore>>;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const list = (over: Partial<Parameters<Desk['store']['conversations']['list']>[0]> = {}) =>
    desk.store.conversations.list({
      ...{ account: ACCOUNT, user: null, named: null, only: null, behind: null, limit: 10 },
      ...over,
    });
  const piece = (from: { upTo: ChatPlace } | { behind: ChatPlace }, limit = 10, user = OWNER) =>
    desk.store.conversations.piece({ account: ACCOUNT, user, from, limit });

  /** All entries, read backwards or forwards in pieces of this size. */
  async function read(direction: 'backwards' | 'forwards', limit: number): Promise<string[]> {
    const names: string[] = [];
    let place: ChatPlace | null = direction === 'backwards' ? END : { messageSeq: 0, partSeq: 0 };
    while (place) {
      const { entries, older, newer } = await piece(
        direction === 'backwards' ? { upTo: place } : { behind: place },
        limit,
      );
      names.splice(direction === 'backwards' ? 0 : names.length, 0, ...entries.map(nameOf));
      place = direction === 'backwards' ? older : entries.length === 0 ? null : newer;
    }
    return names;
  }

  test('the list has the newest first, with what came last, what failed, what is held and what nobody saw', async () => {
    const first = await desk.says(OWNER);
    await desk.start(first);
    await desk.finish(first, { kind: 'failed', reason: 'exit', detail: 'exit code 1' });
    desk.nowMs += 1_000;
    await desk.says(FRIEND);
    await desk.says(FRIEND);
    desk.nowMs += 1_000;
    await desk.sends('o9stranger@im.wechat', 'nobody wrote yet');
    await desk.claim('o9stranger@im.wechat');
    desk.nowMs += 1_000;
    const sent = await desk.sends(OWNER, 'sorry');
    expect(
      (await list()).map(({ user, lastAtMs, last, failed, unseen, hold }) => [
        ...[user, lastAtMs - START_MS, nameOf(last), failed, unseen, hold?.parts ?? 0],
      ]),
    ).toEqual([
      [OWNER, 3_000, `p${sent.seq}`, 1, 1, 0],
      ['o9stranger@im.wechat', 2_000, expect.stringMatching(/^p/), 0, 0, expect.any(Number)],
      [FRIEND, 1_000, expect.stringMatching(/^m/), 0, 2, 0],
    ]);
    const names = async (only: 'unseen' | 'failed' | 'held') =>
      (await list({ only })).map(({ user }) => user);
    expect(await names('failed')).toEqual([OWNER]);
    expect(await names('unseen')).toEqual([OWNER, FRIEND]);
    expect(await names('held')).toEqual(['o9stranger@im.wechat']);
    expect(await list({ account: 'another' })).toEqual([]);
  });

  test('a page of the list goes on behind the one before; one user is found by a piece of the ID', async () => {
    const users = ['o9a@im.wechat', 'o9b@im.wechat', 'o9c@im.wechat', 'O9D@im.wechat'];
    for (const user of users) await desk.says(user);
    const names = async (over: Parameters<typeof list>[0]) => (await list(over)).map(({ user }) => user);
    const page = await list({ limit: 2 });
    const last = page.at(-1);
    expect([...page.map(({ user }) => user), ...(await names({ behind: last ?? null }))]).toEqual(
      [...users].sort(),
    );
    expect(await names({ named: '9d' })).toEqual(['O9D@im.wechat']);
    expect(await names({ named: '%' })).toEqual([]);
    expect(await names({ user: 'o9b@im.wechat' })).toEqual(['o9b@im.wechat']);
    expect(await names({ user: 'nobody' })).toEqual([]);
  });

  test('what somebody has looked at counts as new no more, and never again', async () => {
    const one = await desk.says(OWNER);
    const two = await desk.says(OWNER);
    await desk.says(FRIEND);
    const unseen = async () => Object.fromEntries((await list()).map((each) => [each.user, each.unseen]));
    const see = (user: string, messageSeq: number) =>
      desk.store.conversations.markSeen({ account: ACCOUNT, upTo: { user, messageSeq } });
    await see(OWNER, one);
    expect(await unseen()).toEqual({ [OWNER]: 1, [FRIEND]: 1 });
    await see(OWNER, two);
    await see(OWNER, one);
    expect(await unseen()).toEqual({ [OWNER]: 0, [FRIEND]: 1 });
    await desk.store.conversations.markSeen({ account: ACCOUNT, upTo: null });
    expect(await unseen()).toEqual({ [OWNER]: 0, [FRIEND]: 0 });
    await desk.says(OWNER);
    expect(await unseen()).toEqual({ [OWNER]: 1, [FRIEND]: 0 });
  });

  test('messages and parts stand in the order of their times, and nobody sees those of another', async () => {
    const asked = await desk.says(OWNER);
    await desk.says(FRIEND);
    const other = await desk.sends(FRIEND, 'to a friend');
    const answer = await desk.sends(OWNER, 'an answer');
    desk.nowMs += 1_000;
    const later = await desk.says(OWNER);
    const { entries, older, newer } = await piece({ upTo: END });
    expect(entries.map(nameOf)).toEqual([`m${asked}`, `p${answer.seq}`, `m${later}`]);
    expect([older, newer]).toEqual([null, { messageSeq: later, partSeq: answer.seq }]);
    expect((await piece({ behind: newer })).entries).toEqual([]);
    const place = (what: { message: string } | { partSeq: number }) =>
      desk.store.conversations.placeOf({ account: ACCOUNT, user: OWNER, ...what });
    const id = entries[0]?.message?.id as string;
    expect(await place({ message: id })).toEqual({ messageSeq: asked, partSeq: 0 });
    expect(await place({ partSeq: answer.seq })).toEqual({ messageSeq: asked, partSeq: answer.seq });
    expect(await place({ partSeq: other.seq })).toBeNull();
    expect(await place({ message: 'x' })).toBeNull();
  });

  test('pieces of any size fit together in both directions, also when a clock was set back', async () => {
    const step = fc.record({ says: fc.boolean(), after: fc.integer({ min: -3, max: 3 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, limit) => {
          for (const { says, after } of steps) {
            desk.nowMs += after * 1_000;
            await (says ? desk.says(OWNER) : desk.sends(OWNER, 'x'));
          }
          const [backwards, forwards] = [await read('backwards', limit), await read('forwards', limit)];
          expect(new Set(backwards).size).toBe(backwards.length);
          for (const names of [backwards, forwards]) {
            for (const kind of ['m', 'p']) {
              const numbers = names
                .filter((name) => name.startsWith(kind))
                .map((name) => Number(name.slice(1)));
              expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
            }
          }
          expect([...forwards].sort()).toEqual([...backwards].sort());
        },
      ),
      { numRuns: 8 },
    );
  });

  test('a text is found in any case, on both sides, however it stands in the stored bytes', async () => {
    const says = (text: string, user = OWNER) =>
      desk.says(user, { raw: Buffer.from(JSON.stringify({ text })) });
    const hits = async (text: string, user: string | null = null) => {
      const input = { account: ACCOUNT, user, text, beforeSeq: null };
      const { conversations } = desk.store;
      const messages = await conversations.findMessages({ ...input, fromMs: null, toMs: null });
      const parts = await conversations.findParts(input);
      expect([messages.beforeSeq, parts.beforeSeq]).toEqual([null, null]);
      return [messages.found.map(({ seq }) => seq), parts.found.map(({ seq }) => seq)];
    };
    const invoice = await says('Die RECHNUNG über "100 €" \\ bezahlt');
    const chinese = await says('明天的会议', FRIEND);
    const answer = await desk.sends(OWNER, 'Your invoice');
    const file = await desk.sends(FRIEND, '', {
      parts: [
        { ...part(''), file: { path: '/x', name: 'Bericht.PDF', kind: 'file', sizeBytes: 1, md5: null } },
      ],
    });
    expect(await hits('rechnung')).toEqual([[invoice], []]);
    expect(await hits('ÜBER "100')).toEqual([[invoice], expect.anything()]);
    expect(await hits('\\ BEZAHLT')).toEqual([[invoice], []]);
    expect(await hits('会议')).toEqual([[chinese], []]);
    expect(await hits('会议', OWNER)).toEqual([[], []]);
    expect(await hits('INVOICE')).toEqual([[], [answer.seq]]);
    expect(await hits('bericht.pdf')).toEqual([[], [file.seq]]);
    const marks = await says('100%_of </b> it / that');
    for (const wanted of ['100%_OF', '</B>', 'it / that']) expect(await hits(wanted)).toEqual([[marks], []]);
    expect(await hits('1_0')).toEqual([[], []]);
    expect(await hits('nothing of it')).toEqual([[], []]);
  });
}
