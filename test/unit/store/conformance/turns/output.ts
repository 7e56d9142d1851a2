import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { QueuedParts, Turns } from '../../../../../src/store/port/port.ts';
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

type Output = Parameters<Turns['queueOutput']>[0];

/** What turns say while they run, and what later attempts know of it. */
export function describeOutputs(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  /** A turn says a text, whose digest is the text. */
  const emit = (seq: number, index: number, text: string, over: Partial<Output> = {}): Promise<QueuedParts> =>
    desk.store.turns.queueOutput({
      account: ACCOUNT,
      turn: desk.turnOf(seq),
      output: { index, digest: text },
      parts: [part(text)],
      nowMs: desk.nowMs,
      claim: null,
      ...over,
    });
  const notice = (seq: number, text = 'working', turn = desk.turnOf(seq)): Promise<QueuedParts> =>
    desk.store.turns.queueNotice({
      account: ACCOUNT,
      turn,
      parts: [part(text, 'notice')],
      nowMs: desk.nowMs,
      claim: null,
    });
  const again = (seq: number): Promise<unknown> =>
    desk.finish(seq, { kind: 'retry', notBeforeMs: 0, counts: false, detail: '' });
  const texts = async (): Promise<string[]> =>
    (await desk.store.outbox.openParts(ACCOUNT)).map((one) => one.text);

  test('what a turn says can go while it runs, and goes before its end', async () => {
    const seq = await desk.says(OWNER);
    const { id } = await desk.start(seq);
    await emit(seq, 0, 'one');
    await emit(seq, 1, 'two');
    expect(await desk.deliver(OWNER)).toEqual(['one', 'two']);
    await desk.finish(seq, { kind: 'done' }, [part('three')]);
    expect(await desk.store.outbox.openParts(ACCOUNT)).toMatchObject([{ text: 'three', message: id }]);
  });

  test('an attempt that is over says nothing more, and tells of nothing', async () => {
    const seq = await desk.says(OWNER);
    const first = await desk.start(seq);
    await again(seq);
    await desk.start(seq);
    expect(await emit(seq, 0, 'late', { turn: first })).toEqual({ claim: null, held: [] });
    expect(await notice(seq, 'late', first)).toEqual({ claim: null, held: [] });
    await emit(seq, 0, 'in time');
    expect(await texts()).toEqual(['in time']);
  });

  test('it stands in the queue of its user where it was committed, with what `send` has queued', async () => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    await desk.sends(OWNER, 'sent');
    await emit(seq, 0, 'one');
    await desk.sends(OWNER, 'sent later');
    expect(await desk.deliver(OWNER)).toEqual(['sent', 'one', 'sent later']);
  });

  test.each(['a stop', 'a crash'])('after %s the next attempt knows what was queued', async (how) => {
    const seq = await desk.says(OWNER);
    expect((await desk.start(seq)).outputs).toEqual([]);
    await emit(seq, 0, 'one');
    await emit(seq, 1, 'two');
    if (how === 'a stop') await again(seq);
    else await desk.store.turns.recover({ account: ACCOUNT, former: null, retries: 3, nowMs: desk.nowMs });
    expect((await desk.start(seq)).outputs).toEqual(['one', 'two']);
  });

  test('who had its last try knows it too', async () => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    await emit(seq, 0, 'one');
    const recovered = await desk.store.turns.recover({
      account: ACCOUNT,
      former: null,
      retries: 0,
      nowMs: desk.nowMs,
    });
    expect(recovered.failed).toMatchObject([{ seq, outputs: ['one'] }]);
  });

  test('from the first difference on, the new outputs take the place of the old ones', async () => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    for (const [index, text] of ['one', 'two', 'three'].entries()) await emit(seq, index, text);
    await again(seq);
    await desk.start(seq);
    await emit(seq, 1, 'other');
    await again(seq);
    expect((await desk.start(seq)).outputs).toEqual(['one', 'other']);
    expect(await texts()).toEqual(['one', 'two', 'three', 'other']);
  });

  test('messages know nothing of each other', async () => {
    const [one, two] = [await desk.says(OWNER), await desk.says(FRIEND)];
    await desk.start(one);
    await emit(one, 0, 'one');
    expect((await desk.start(two)).outputs).toEqual([]);
  });

  test('who asks for a message again by hand gets all of it again', async () => {
    const seq = await desk.says(OWNER);
    const { id } = await desk.start(seq);
    await emit(seq, 0, 'one');
    await desk.finish(seq, { kind: 'failed', reason: 'exit', detail: '' });
    expect(await desk.store.inbox.retry({ account: ACCOUNT, id })).toBe(1);
    expect((await desk.start(seq)).outputs).toEqual([]);
  });

  test('only a turn that runs can say anything', async () => {
    const seq = await desk.says(OWNER);
    await emit(seq, 0, 'too early');
    await notice(seq);
    await desk.start(seq);
    await emit(seq, 0, 'of another account', { account: 'other' });
    await desk.finish(seq, { kind: 'done' }, [part('right')]);
    await emit(seq, 0, 'too late');
    await notice(seq);
    expect(await texts()).toEqual(['right']);
  });

  test('the first part comes with the step that asks for it', async () => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    const claim = {
      account: ACCOUNT,
      user: OWNER,
      nowMs: desk.nowMs,
      paceMs: 0,
      encode: ({ text }: { text: string }) => Buffer.from(text),
    };
    expect((await emit(seq, 0, 'one', { claim })).claim).toMatchObject({
      kind: 'part',
      part: { body: Buffer.from('one') },
    });
    expect((await emit(seq, 1, 'two')).claim).toBeNull();
  });

  test('behind a held part it is held, and told so', async () => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    await desk.sends(OWNER, 'held');
    await desk.refuse((await desk.claimed(OWNER)).seq);
    expect((await emit(seq, 0, 'one')).held).toMatchObject([{ text: 'one', state: 'held' }]);
    expect(await desk.deliver(OWNER)).toEqual([]);
    await desk.says(OWNER);
    expect(await desk.deliver(OWNER)).toEqual(['held|one']);
  });

  describe('a notice about a turn', () => {
    test('is queued once for a message, whichever attempt asks', async () => {
      const seq = await desk.says(OWNER);
      await desk.start(seq);
      await notice(seq, 'first');
      await notice(seq, 'second');
      await again(seq);
      await desk.start(seq);
      await notice(seq, 'third');
      expect(await desk.store.outbox.openParts(ACCOUNT)).toMatchObject([{ text: 'first', origin: 'notice' }]);
      expect((await desk.start(await desk.says(FRIEND))).outputs).toEqual([]);
    });

    test('is not queued when the turn has said anything, itself or by `send`', async () => {
      const [one, two, three] = [await desk.says(OWNER), await desk.says(OWNER), await desk.says(OWNER)];
      await desk.start(one);
      await emit(one, 0, 'one');
      await notice(one);
      await desk.finish(one, { kind: 'done' });
      const { id } = await desk.start(two);
      await desk.sends(OWNER, 'sent', { message: id });
      await notice(two);
      await desk.finish(two, { kind: 'done' });
      await desk.start(three);
      await desk.sends(OWNER, 'of somebody else');
      await notice(three, 'working');
      expect(await texts()).toEqual(['one', 'sent', 'of somebody else', 'working']);
    });

    test('comes again when the message is run again by hand', async () => {
      const seq = await desk.says(OWNER);
      const { id } = await desk.start(seq);
      await notice(seq, 'first');
      await desk.finish(seq, { kind: 'failed', reason: 'exit', detail: '' });
      await desk.store.inbox.retry({ account: ACCOUNT, id });
      await desk.start(seq);
      await notice(seq, 'second');
      expect(await texts()).toEqual(['first', 'second']);
    });
  });
}
