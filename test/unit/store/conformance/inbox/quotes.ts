import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PartFile } from '../../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
} from '../desk.ts';

/** What users quote, and what their waiting messages need (protocol 10.4). */
export function describeQuotes(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const quoted = (id: string | null, over: { user?: string; account?: string; aroundMs?: number } = {}) =>
    desk.store.inbox.quoted({ account: ACCOUNT, user: OWNER, aroundMs: null, ...over, id });
  const raw = (text: string) => Buffer.from(JSON.stringify({ text }));

  /** Sends a text to a user, and has it accepted under an id. */
  async function arrives(user: string, text: string, messageId: string): Promise<void> {
    await desk.sends(user, text);
    const { seq } = await desk.claimed(user);
    await desk.settle(seq, { kind: 'accepted', messageId });
  }

  describe('by id', () => {
    test('a message received is found, whatever became of it', async () => {
      await desk.says(OWNER, { id: '71', raw: raw('first') });
      await desk.says(OWNER, { id: '72', raw: raw('second'), ignore: 'too-old' });
      expect(await quoted('71')).toEqual({ kind: 'message', raw: raw('first') });
      expect(await quoted('72')).toEqual({ kind: 'message', raw: raw('second') });
      expect(await quoted('73')).toBeNull();
    });

    test('what was sent is found under the id the server gave it, each part by itself', async () => {
      await desk.says(OWNER);
      await arrives(OWNER, 'one', '18446744073709551615');
      await arrives(OWNER, 'two', '82');
      expect(await quoted('18446744073709551615')).toEqual({ kind: 'part', text: 'one', upload: null });
      expect(await quoted('82')).toMatchObject({ text: 'two' });
    });

    test('a file that was sent comes with what the CDN gave for it', async () => {
      await desk.says(OWNER);
      const file: PartFile = { path: '/out/1', name: 'a.pdf', kind: 'file', sizeBytes: 1, md5: 'm' };
      const view = await desk.sends(OWNER, '', { parts: [{ ...part(''), file }] });
      await desk.claim(OWNER);
      await desk.store.outbox.settleUpload({
        account: ACCOUNT,
        seq: view.seq,
        result: { kind: 'uploaded', upload: '{"param":"p"}' },
        nowMs: desk.nowMs,
      });
      const { seq } = await desk.claimed(OWNER);
      await desk.settle(seq, { kind: 'accepted', messageId: '83' });
      expect(await quoted('83')).toEqual({ kind: 'part', text: '', upload: '{"param":"p"}' });
    });

    test("nothing of another user's, nor of another account", async () => {
      await desk.says(FRIEND, { id: '71', raw: raw('secret') });
      await arrives(FRIEND, 'secret too', '82');
      for (const id of ['71', '82']) {
        expect(await quoted(id)).toBeNull();
        expect(await quoted(id, { user: FRIEND, account: 'other@im.bot' })).toBeNull();
        expect(await quoted(id, { user: FRIEND })).not.toBeNull();
      }
    });
  });

  describe('by time, where the id is missing or not known', () => {
    test.each([
      ['of the very second', -123, true],
      ['ten seconds off', 10_000, true],
      ['further off', 10_001, false],
      ['further off the other way', -10_001, false],
    ])('a message %s', async (_, offMs, isFound) => {
      await desk.says(OWNER, { raw: raw('it') });
      const found = await quoted(null, { aroundMs: desk.nowMs + offMs });
      expect(found).toEqual(isFound ? { kind: 'message', raw: raw('it') } : null);
      expect(await quoted('unknown', { aroundMs: desk.nowMs + offMs })).toEqual(found);
    });

    test('what was sent, by when it arrived', async () => {
      await desk.says(OWNER, { createdAtMs: desk.nowMs - 60_000 });
      await arrives(OWNER, 'sent', '82');
      expect(await quoted(null, { aroundMs: desk.nowMs })).toMatchObject({ kind: 'part', text: 'sent' });
    });

    test('no guess between two', async () => {
      await desk.says(OWNER);
      await arrives(OWNER, 'sent', '82');
      expect(await quoted(null, { aroundMs: desk.nowMs })).toBeNull();
    });

    test("nothing of another user's", async () => {
      await desk.says(FRIEND);
      expect(await quoted(null, { aroundMs: desk.nowMs })).toBeNull();
    });
  });

  test('messages that still have to run are told with what they say', async () => {
    const seq = await desk.says(OWNER, { raw: raw('done') });
    await desk.answers(seq, 'x');
    await desk.start(await desk.says(OWNER, { raw: raw('running') }));
    await desk.says(FRIEND, { raw: raw('waiting') });
    await desk.says(OWNER, { raw: raw('ignored'), ignore: 'group' });
    expect(await desk.store.inbox.unfinishedContent(ACCOUNT)).toEqual([
      { user: OWNER, raw: raw('running') },
      { user: FRIEND, raw: raw('waiting') },
    ]);
    expect(await desk.store.inbox.unfinishedContent('other@im.bot')).toEqual([]);
  });

  test('messages with items of no known kind are counted, the ignored ones and the others', async () => {
    await desk.says(OWNER);
    await desk.says(OWNER, { unknownItems: 2 });
    await desk.says(OWNER, { unknownItems: 1, ignore: 'kind:unknown' });
    expect((await desk.store.admin.accountView(ACCOUNT))?.inbox).toMatchObject({ unknown: 2, ignored: 1 });
  });
}
