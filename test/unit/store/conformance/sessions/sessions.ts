import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  type MakeStore,
  OWNER,
  type StoreUnderTest,
} from '../desk.ts';

const DAY_MS = 24 * 60 * 60_000;

/** What agents keep of a session (the port `memory` of a turn). */
export function describeSessions(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const get = (sessionId: string, name = 'x', user = OWNER, account = ACCOUNT) =>
    desk.store.sessions.sessionValue({ account, user, sessionId, name });
  const set = (sessionId: string, value: string | null, name = 'x', user = OWNER) =>
    desk.store.sessions.setSessionValue({
      account: ACCOUNT,
      user,
      sessionId,
      name,
      value,
      nowMs: desk.nowMs,
    });
  const sweep = () =>
    desk.store.admin.sweep({
      accounts: [ACCOUNT],
      nowMs: desk.nowMs,
      holdMaxMs: 7 * DAY_MS,
      finishedMs: 30 * DAY_MS,
      finishedPerUser: 10_000,
    });

  test('a text is kept by account, user, session and name, and can be replaced and forgotten', async () => {
    expect(await get('s')).toBeNull();
    await set('s', 'one');
    await set('s', 'a\u0000b 😀\n"');
    await set('s', '', 'empty');
    expect([await get('s'), await get('s', 'empty')]).toEqual(['a\u0000b 😀\n"', '']);
    expect([await get('t'), await get('s', 'y'), await get('s', 'x', FRIEND)]).toEqual([null, null, null]);
    expect(await get('s', 'x', OWNER, 'other@im.bot')).toBeNull();
    await set('s', null);
    await set('s', null, 'never there');
    expect([await get('s'), await get('s', 'empty')]).toEqual([null, '']);
  });

  test('another process sees it', async () => {
    await set('s', 'kept');
    const other = await data.open('b');
    expect(
      await other.sessions.sessionValue({ account: ACCOUNT, user: OWNER, sessionId: 's', name: 'x' }),
    ).toBe('kept');
  });

  test('what was kept in the session of a user stays, that of a session left goes after 30 days without a change', async () => {
    const { sessionId } = await desk.start(await desk.says(OWNER));
    await set(sessionId, 'now');
    await set('left', 'old');
    await set('left-late', 'old');
    await set('left', 'old', 'x', FRIEND);
    desk.nowMs += 29 * DAY_MS;
    await set('left-late', 'changed');
    expect(await sweep()).toBe(false);
    desk.nowMs += 2 * DAY_MS;
    expect(await sweep()).toBe(true);
    expect(await sweep()).toBe(false);
    const kept = [
      await get(sessionId),
      await get('left'),
      await get('left-late'),
      await get('left', 'x', FRIEND),
    ];
    expect(kept).toEqual(['now', null, 'changed', null]);
  });
}
