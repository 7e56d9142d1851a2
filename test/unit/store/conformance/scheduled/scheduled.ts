import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ScheduledText } from '../../../../../src/store/port/port.ts';
import { ACCOUNT, createDesk, type Desk, FRIEND, type MakeStore, OWNER, part } from '../desk.ts';

const HOUR_MS = 3_600_000;

/** Texts that are to be sent later. */
export function describeScheduled(make: MakeStore): void {
  let dispose: () => Promise<void>;
  let desk: Desk;

  beforeEach(async () => {
    const data = await make();
    dispose = data.dispose;
    desk = await createDesk(await data.open('runner'));
    await desk.runs(await desk.says(OWNER));
  });

  afterEach(() => dispose());

  const later = (text: string, over: Partial<ScheduledText> = {}) =>
    desk.store.scheduled.schedule({
      ...{ account: ACCOUNT, user: OWNER, text, format: 'wechat', key: null, id: null, ttlMs: null },
      atMs: desk.nowMs + HOUR_MS,
      nowMs: desk.nowMs,
      ...over,
    });
  const texts = async () => (await desk.store.scheduled.scheduled(ACCOUNT)).map(({ text }) => text);
  const due = () => desk.store.scheduled.dueTexts(desk.nowMs, [ACCOUNT]);
  const release = (text: ScheduledText) =>
    desk.store.scheduled.release({ text, parts: [part(text.text, 'send')], nowMs: desk.nowMs });

  test('it comes into the outbox at its time, once', async () => {
    const second = await later('second', { atMs: desk.nowMs + 2 * HOUR_MS });
    const first = await later('first');
    expect(await texts()).toEqual(['first', 'second']);
    expect(await due()).toEqual([]);
    expect(await desk.store.outbox.openParts(ACCOUNT)).toEqual([]);
    expect((await desk.store.admin.accountView(ACCOUNT))?.outbox).toMatchObject({ queued: 0, scheduled: 2 });
    desk.nowMs += HOUR_MS;
    expect(await due()).toEqual([first]);
    expect(await release(first)).toHaveLength(1);
    expect(await release(first)).toEqual([]);
    expect(await desk.deliver(OWNER)).toEqual(['first']);
    desk.nowMs += HOUR_MS;
    expect(await due()).toEqual([second]);
  });

  test('the same key replaces it, for this user; the same id keeps it; it can be dropped', async () => {
    await later('one', { key: 'report' });
    const two = await later('two', { key: 'report' });
    await later('of a friend', { key: 'report', user: FRIEND });
    const once = await later('once', { id: 'x' });
    expect(await later('again', { id: 'x' })).toEqual(once);
    expect(await texts()).toEqual(['two', 'of a friend', 'once']);
    const drop = (seq: number, account = ACCOUNT) =>
      desk.store.scheduled.unschedule({ account, seq, by: 'token cron', nowMs: desk.nowMs });
    expect([await drop(two.seq), await drop(two.seq), await drop(once.seq, 'other')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(await desk.store.access.audit({ beforeSeq: null, limit: 5 })).toMatchObject([
      { who: 'token cron', act: 'drop', account: ACCOUNT, about: `at-${two.seq}` },
    ]);
    expect(await release(two)).toEqual([]);
  });

  test('those of an account that nobody serves keep no other waiting', async () => {
    for (let n = 0; n < 101; n++) await later(`${n}`, { account: 'other@im.bot' });
    const own = await later('own');
    desk.nowMs += HOUR_MS;
    expect(await due()).toEqual([own]);
  });

  test('its time to live begins when it is queued', async () => {
    const text = await later('short', { ttlMs: 1_000 });
    desk.nowMs += HOUR_MS;
    await release(text);
    desk.nowMs += 1_001;
    expect(await desk.deliver(OWNER)).toEqual([]);
  });
}
