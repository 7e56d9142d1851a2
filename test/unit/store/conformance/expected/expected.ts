import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ExpectationNews } from '../../../../../src/store/port/port.ts';
import { ACCOUNT, createDesk, type Desk, FRIEND, type MakeStore, OWNER, part } from '../desk.ts';

const HOUR_MS = 3_600_000;

/** Texts that are to come again and again. */
export function describeExpected(make: MakeStore): void {
  let dispose: () => Promise<void>;
  let desk: Desk;

  beforeEach(async () => {
    const data = await make();
    dispose = data.dispose;
    desk = await createDesk(await data.open('runner'));
    await desk.runs(await desk.says(OWNER));
    await desk.runs(await desk.says(FRIEND));
  });

  afterEach(() => dispose());

  const expects = (key: string, everyMs: number, user: string | null = null) =>
    desk.store.expected.expect({ account: ACCOUNT, key, user, everyMs, nowMs: desk.nowMs });
  const tellOf = (nowMs: number) =>
    desk.store.expected.tell({
      account: ACCOUNT,
      nowMs,
      compose: ({ key, about }: ExpectationNews) => [part(`${key} ${about}`, 'notice')],
    });
  /** What is told at this moment. */
  async function told(): Promise<string[]> {
    const due = await desk.store.expected.due(desk.nowMs);
    const news: string[] = [];
    const users = await tellOf(desk.nowMs);
    for (const user of users) news.push(...(await desk.deliver(user)));
    expect(due).toEqual(users.length > 0 ? [ACCOUNT] : []);
    return news;
  }

  test('what does not come is told once, and so is that it has come again', async () => {
    await expects('backup', HOUR_MS);
    expect(await told()).toEqual([]);
    desk.nowMs += HOUR_MS;
    expect(await told()).toEqual([]);
    desk.nowMs += 1;
    expect(await told()).toEqual(['backup missing']);
    desk.nowMs += 5 * HOUR_MS;
    expect(await told()).toEqual([]);
    await desk.sends(OWNER, 'done', { key: 'backup' });
    await desk.deliver(OWNER);
    expect(await told()).toEqual(['backup back']);
    expect(await told()).toEqual([]);
    desk.nowMs += HOUR_MS + 1;
    expect(await told()).toEqual(['backup missing']);
  });

  test.each([
    [
      'has come',
      'backup missing',
      (aheadMs: number) => desk.sends(OWNER, 'done', { key: 'backup', nowMs: desk.nowMs + aheadMs }),
    ],
    ['is missing', 'backup back', (aheadMs: number) => tellOf(desk.nowMs + aheadMs)],
  ])('what %s while the clock is years ahead is told of when it was set back', async (_, news, happens) => {
    await expects('backup', HOUR_MS);
    await happens(20_000 * HOUR_MS);
    await desk.deliver(OWNER);
    await tellOf(desk.nowMs);
    if (news.endsWith('back')) await desk.sends(OWNER, 'done', { key: 'backup', nowMs: desk.nowMs + 1 });
    await desk.deliver(OWNER);
    desk.nowMs += HOUR_MS + 1;
    expect(await told()).toContain(news);
  });

  test('only a text with this key counts, to whomever it goes, held or not', async () => {
    await expects('backup', HOUR_MS);
    desk.nowMs += HOUR_MS;
    await desk.sends(OWNER, 'other', { key: 'other' });
    await desk.sends(OWNER, 'none');
    await desk.sends(FRIEND, 'done', { key: 'backup' });
    desk.nowMs += 10;
    expect(await desk.store.expected.expectations(ACCOUNT)).toMatchObject([
      { key: 'backup', user: null, everyMs: HOUR_MS, lastSeenAtMs: desk.nowMs - 10, missingSinceMs: null },
    ]);
    expect(await told()).toEqual([]);
  });

  test('who is told, and for how long it may be silent, can be changed; it can be removed', async () => {
    await expects('backup', HOUR_MS);
    await expects('backup', 2 * HOUR_MS, FRIEND);
    await expects('alpha', 9 * HOUR_MS);
    desk.nowMs += 2 * HOUR_MS;
    expect(await told()).toEqual([]);
    desk.nowMs += 1;
    expect(await told()).toEqual(['backup missing']);
    const list = await desk.store.expected.expectations(ACCOUNT);
    expect(list.map(({ key, user }) => [key, user])).toEqual([
      ['alpha', null],
      ['backup', FRIEND],
    ]);
    expect(await desk.store.expected.unexpect({ account: ACCOUNT, key: 'backup' })).toBe(true);
    expect(await desk.store.expected.unexpect({ account: ACCOUNT, key: 'backup' })).toBe(false);
    await desk.sends(OWNER, 'done', { key: 'backup' });
    await desk.deliver(OWNER);
    expect(await told()).toEqual([]);
  });
}
