import { describe, expect, test } from 'vitest';
import { runHere } from '../../helpers/in-this-process.ts';
import { STORES } from '../../helpers/web.ts';
import { makeWebWorld } from '../../helpers/web-world.ts';
import { jsonLines } from '../../helpers/wxagent.ts';

describe.each(STORES)('texts for later, on $store', ({ environment }) => {
  test('one is kept until its time, once for each key, and replaced under the same name', async () => {
    const { web, home, env, user } = await makeWebWorld(environment());
    const token = await web.token('--scope', 'send');
    const post = async (body: object, headers: Record<string, string> = {}) => {
      const { status, json } = await web.post('/accounts/mine/scheduled', body, { token, headers });
      return { status, ...(json as { id: string; at: string; text: string; user: string; detail: string }) };
    };
    const at = '2199-01-01T09:00:00+08:00';
    expect((await post({ text: 'x', at })).detail).toContain('within 366 days');
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const first = await post(
      { text: 'stand-up', at: tomorrow, format: 'code' },
      { 'idempotency-key': 'one' },
    );
    expect(first).toMatchObject({ status: 201, user, at: tomorrow, text: '```\nstand-up\n```' });
    expect((await post({ text: 'other', at: '+2h' }, { 'idempotency-key': 'one' })).id).toBe(first.id);
    await post({ text: 'call', at: '+2h', key: 'reminder' });
    const second = await post({ text: 'call back', at: '明天 9:00', key: 'reminder', ttl: '1h' });
    const { stdout } = await runHere(['outbox', '--json'], { home, env });
    expect(jsonLines(stdout)[0]).toMatchObject({
      scheduled: expect.arrayContaining([
        expect.objectContaining({ id: first.id, key: null }),
        expect.objectContaining({ id: second.id, text: 'call back', key: 'reminder' }),
      ]),
    });
    expect((jsonLines(stdout)[0] as { scheduled: object[] }).scheduled.length).toBe(2);
  });

  test('what cannot be sent then is refused now', async () => {
    const { web, user } = await makeWebWorld(environment());
    const token = await web.token('--scope', 'send', '--account', 'mine', '--to', user);
    const later = { text: 'hello', at: '+2h' };
    const refused: [object, number, string][] = [
      [{ ...later, at: '2020-01-01T00:00:00Z' }, 422, 'is past already'],
      [{ ...later, at: 'noon' }, 422, 'takes a time'],
      [{ ...later, text: ' ' }, 422, 'the text is empty'],
      [{ ...later, ttl: '5' }, 422, 'ttl'],
      [{ text: 'hello' }, 422, 'at is missing'],
      [{ at: '+2h' }, 422, 'text is missing'],
      [{ ...later, file: 'a' }, 422, 'no field "file"'],
      [{ ...later, to: 'o9zz@im.wechat' }, 403, `sends to ${user} only`],
    ];
    for (const [body, status, detail] of refused) {
      const answer = await web.post('/accounts/mine/scheduled', body, { token });
      expect([answer.status, (answer.json as { detail: string }).detail]).toEqual([
        status,
        expect.stringContaining(detail),
      ]);
    }
    const { json } = await web.ask('/accounts/mine/scheduled', { token: await web.token('--scope', 'read') });
    expect(json).toEqual({ scheduled: [] });
  });
});
