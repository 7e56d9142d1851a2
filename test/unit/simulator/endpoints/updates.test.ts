import fc from 'fast-check';
import { expect, test } from 'vitest';
import { call, type Json, talkingBot, textMessage, withSimulator } from '../client.ts';

const texts = (answer: Json): string[] =>
  answer.msgs.map((message: Json) => message.item_list[0].text_item.text);

test('no token, an unknown one, an unknown path', () =>
  withSimulator({}, async (sim) => {
    const dead = { errcode: -14, errmsg: 'session timeout' };
    for (const endpoint of [
      'getupdates',
      'sendmessage',
      'getuploadurl',
      'getconfig',
      'sendtyping',
      'msg/notifystart',
    ]) {
      expect(await call(sim, endpoint, null, {})).toEqual(dead);
      expect(await call(sim, endpoint, 'nobody:1', {})).toEqual(dead);
    }
    expect(await call(sim, 'nothing', null, {})).toEqual({ http: 404 });
  }));

test('a poll is held until a message comes; an empty one ends after the hold with the cursor', () =>
  withSimulator({ holdMs: 30 }, async (sim) => {
    const bot = await talkingBot(sim);
    const empty = await bot.poll(bot.cursor);
    expect(empty).toMatchObject({ msgs: [], longpolling_timeout_ms: 30 });
    expect(empty.ret).toBeUndefined();
    expect(empty.get_updates_buf).not.toBe('');
    sim.control.changeSettings({ holdMs: 20_000 });
    const held = bot.poll(empty.get_updates_buf);
    await expect.poll(() => sim.control.bots()[0]?.polls).toBe(1);
    sim.control.message({ text: 'now' });
    expect(texts(await held)).toEqual(['now']);
    // One relay's extension.
    expect((await bot.poll(bot.cursor, { timeout: 0.02 })).msgs).toEqual([]);
  }));

test('of two polls each message goes to exactly one', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const polls = [bot.poll(bot.cursor), bot.poll(bot.cursor)];
    await expect.poll(() => sim.control.bots()[0]?.polls).toBe(2);
    sim.control.messages([{ text: 'one' }, { text: 'two' }]);
    expect((await Promise.all(polls)).map(texts)).toEqual(expect.arrayContaining([['one'], ['two']]));
  }));

test('destructive: whatever cursors a client uses, every message comes once and in order', () =>
  withSimulator({ holdMs: 0, maxMessagesPerPoll: 3 }, async (sim) => {
    const bot = await talkingBot(sim);
    let written = 0;
    const property = fc.asyncProperty(
      fc.array(fc.nat(8), { maxLength: 6 }),
      fc.boolean(),
      async (bursts, keepsOld) => {
        let cursor = bot.cursor;
        const seen: string[] = [];
        const sent: string[] = [];
        for (const burst of [...bursts, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) {
          const batch = Array.from({ length: burst }, () => `m${++written}`);
          sim.control.messages(batch.map((text) => ({ text })));
          sent.push(...batch);
          const answer = await bot.poll(cursor);
          expect(answer.msgs.length).toBeLessThanOrEqual(3);
          seen.push(...texts(answer));
          if (!keepsOld) cursor = answer.get_updates_buf;
        }
        expect(seen).toEqual(sent);
      },
    );
    await fc.assert(property, { numRuns: 8 });
  }));

test('replay: an old cursor hands out again all that came after it', () =>
  withSimulator({ mode: 'replay', holdMs: 0 }, async (sim) => {
    const bot = await talkingBot(sim);
    sim.control.messages([{ text: 'a' }, { text: 'b' }]);
    const first = await bot.poll(bot.cursor);
    sim.control.message({ text: 'c' });
    expect(texts(await bot.poll(bot.cursor))).toEqual(['a', 'b', 'c']);
    expect(texts(await bot.poll(first.get_updates_buf))).toEqual(['c']);
    expect(texts(await bot.poll(''))).toEqual(['hello', 'a', 'b', 'c']);
  }));

test('the log tells with which cursor a poll was answered, as soon as it is', () =>
  withSimulator({ holdMs: 60_000 }, async (sim) => {
    const bot = await talkingBot(sim);
    const answered = () =>
      sim.control.requests({ endpoint: 'getupdates' }).map((request) => request.answered);
    const held = bot.poll(bot.cursor);
    await expect.poll(() => answered().length).toBe(2);
    expect(answered()).toEqual([bot.cursor, null]);
    sim.control.message({ text: 'a' });
    const { get_updates_buf: cursor } = await held;
    expect(answered()).toEqual([bot.cursor, cursor]);
  }));

test('ids above 2^53 are bare numbers, quoted, or missing', () =>
  withSimulator({ holdMs: 0 }, async (sim) => {
    const { token } = sim.control.createBot();
    const raw = async (ids: 'number' | 'all-numbers' | 'string' | 'missing') => {
      sim.control.changeSettings({ ids, itemIds: 'digits' });
      const text = '"message_id":"5"';
      const { messageId } = sim.control.message({ text, quote: { id: '7312345678901234999' } });
      const response = await fetch(`${sim.baseUrl}/ilink/bot/getupdates`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: '{"get_updates_buf":""}',
      });
      const body = await response.text();
      expect(JSON.parse(body).msgs[0].item_list[0].text_item.text).toBe(text);
      return { body, id: messageId ?? '' };
    };
    const usual = await raw('number');
    expect(BigInt(usual.id) > 2n ** 53n).toBe(true);
    expect(usual.body).toContain(`"message_id":${usual.id},`);
    expect(usual.body).toContain(`"msg_id":"${usual.id}"`);
    const bare = await raw('all-numbers');
    expect(bare.body).toContain(`"msg_id":${bare.id},`);
    expect(bare.body).toContain('"svr_id":7312345678901234999}');
    const quoted = await raw('string');
    expect(quoted.body).toContain(`"message_id":"${quoted.id}"`);
    expect((await raw('missing')).body).not.toMatch(/"(message_id|msg_id)":/);
  }));

test('a message looks like the captures: a snowflake, every field, a cursor and a token of the real form', () =>
  withSimulator({ holdMs: 0 }, async (sim) => {
    const bot = await talkingBot(sim);
    sim.control.messages([{ text: 'one' }, { text: 'two' }]);
    const answer = await bot.poll(bot.cursor);
    const [one, two] = answer.msgs;
    const user = bot.user.replace('@im.wechat', '');
    expect(one).toEqual({
      seq: 2,
      message_id: expect.any(String),
      from_user_id: bot.user,
      to_user_id: bot.id,
      client_id: expect.stringMatching(
        /^mmassistant_bypmsg_inbox_[0-9a-f]{32}mmo9cq80\w{22}@weclaw\d+_\d{10}$/,
      ),
      create_time_ms: expect.any(Number),
      update_time_ms: one.create_time_ms + 106,
      delete_time_ms: 0,
      session_id: '',
      group_id: '',
      message_type: 1,
      message_state: 2,
      item_list: [
        {
          type: 1,
          create_time_ms: one.create_time_ms,
          update_time_ms: one.create_time_ms,
          is_completed: true,
          msg_id: expect.stringMatching(/^v1:\d{10,20}$/),
          button_item_list: [],
          at_bot_username_list: [],
          text_item: { text: 'one' },
        },
      ],
      context_token: expect.stringMatching(/^AARzJWAFAAABAAAAAA[\w+/]{114}$/),
      root_id: 0,
      parent_id: 0,
    });
    expect(user).toHaveLength(28);
    for (const { message_id, create_time_ms } of [one, two]) {
      const afterMs = Number(BigInt(message_id) >> 22n) - create_time_ms;
      expect(afterMs >= 50 && afterMs <= 506).toBe(true);
      expect(BigInt(message_id) & 0x7fn).toBe(8n);
    }
    // Apart even where they are rounded, and in the order of writing.
    expect(Number(two.message_id)).toBeGreaterThan(Number(one.message_id));
    expect(two.context_token).not.toBe(one.context_token);
    expect(bot.token).toMatch(/^[0-9a-f]{12}@im\.bot:[0-9a-f]{38}$/);
    expect(answer.sync_buf).toMatch(/^CA.{10,30}$/);
    expect(answer.get_updates_buf).toMatch(/^[\w+/]{100,}=*$/);
    expect(Buffer.from(answer.get_updates_buf, 'base64').toString('latin1')).toContain(bot.id);
  }));

test('raw: a message is handed out as the bytes it is', () =>
  withSimulator({ holdMs: 0 }, async (sim) => {
    const { token, user } = sim.control.createBot();
    const deep = `{"item_list":${'['.repeat(6_000)}${']'.repeat(6_000)}}`;
    const odd = `{ "from_user_id":"${user}", "message_id":1e3,"seq":null,"seq":1, "group_id":7 }`;
    const texts = [odd, deep, 'no JSON'];
    for (const body of texts) {
      expect((await fetch(`${sim.controlUrl}/raw`, { method: 'POST', body })).status).toBe(200);
    }
    // What nobody has fetched waits for the next bot, as it is.
    sim.control.kill();
    const next = sim.control.createBot();
    const poll = async (bearer: string) => {
      const headers = { authorization: `Bearer ${bearer}` };
      const response = await fetch(`${sim.baseUrl}/ilink/bot/getupdates`, { method: 'POST', headers });
      return response.text();
    };
    expect(await poll(token)).toContain('-14');
    expect(await poll(next.token)).toContain(`{"msgs":[${texts.join(',')}],`);
    expect(sim.control.lost()).toHaveLength(3);
    // Who has written so can be answered.
    const msg = textMessage(user, 'x');
    expect((await call(sim, 'sendmessage', next.token, { msg })).message_id).toBeDefined();
  }));

test('dense ids: neighbours that a double cannot tell apart', () =>
  withSimulator({ holdMs: 0, idSteps: 'dense' }, async (sim) => {
    const ids = Array.from({ length: 50 }, () => sim.control.message({ text: 'x' }).messageId);
    expect(new Set(ids).size).toBe(50);
    expect(new Set(ids.map(Number)).size).toBeLessThan(10);
    sim.control.changeSettings({ idSteps: 'snowflake' });
    const apart = Array.from({ length: 50 }, () => Number(sim.control.message({ text: 'x' }).messageId));
    expect(new Set(apart).size).toBe(50);
  }));

test('duplicates under the same id, a new one, or none; times exact, in seconds, or missing; ret and cursor', () =>
  withSimulator({ holdMs: 0 }, async (sim) => {
    const bot = await talkingBot(sim);
    const twice = async (duplicate: 'same-id' | 'new-id' | 'no-id') => {
      sim.control.changeSettings({ duplicate });
      sim.control.message({ text: 'x' });
      const { msgs } = await bot.poll('');
      expect(msgs).toHaveLength(2);
      expect(msgs[1].context_token).toBe(msgs[0].context_token);
      return msgs.map((message: Json) => message.message_id);
    };
    const [a, again] = await twice('same-id');
    expect(again).toBe(a);
    const [b, other] = await twice('new-id');
    expect(other).not.toBe(b);
    expect((await twice('no-id'))[1]).toBeUndefined();
    sim.control.changeSettings({
      duplicate: 'off',
      createTime: 'seconds',
      updatesRet: 'zero',
      emptyCursor: true,
    });
    sim.control.message({ text: 'x' });
    const seconds = await bot.poll('');
    expect(seconds).toMatchObject({ ret: 0, get_updates_buf: '' });
    expect(seconds.msgs[0].create_time_ms % 1_000).toBe(0);
    sim.control.changeSettings({ createTime: 'missing' });
    sim.control.message({ text: 'x' });
    expect((await bot.poll('')).msgs[0].create_time_ms).toBeUndefined();
  }));

test('a gateway that gives up early answers 524 and takes nothing', () =>
  withSimulator({ gatewayTimeoutMs: 20 }, async (sim) => {
    const bot = await talkingBot(sim);
    expect(await bot.poll(bot.cursor)).toEqual({ http: 524 });
    sim.control.message({ text: 'later' });
    expect(texts(await bot.poll(bot.cursor))).toEqual(['later']);
  }));

test('what users write before the login and after a dead token waits for the next bot', () =>
  withSimulator({}, async (sim) => {
    sim.control.message({ text: 'before' });
    const first = sim.control.createBot();
    expect(texts(await call(sim, 'getupdates', first.token, {}))).toEqual(['before']);
    sim.control.message({ text: 'unfetched' });
    sim.control.kill();
    sim.control.message({ text: 'between' });
    const second = sim.control.createBot();
    const answer = await call(sim, 'getupdates', second.token, {});
    expect(texts(answer)).toEqual(['unfetched', 'between']);
    expect(answer.msgs[0].to_user_id).toBe(second.id);
  }));

test('strangers may write only where that is switched on', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    expect(() => sim.control.message({ user: 'o9b@im.wechat', text: 'x' })).toThrow('has no bot');
    expect(() => sim.control.message({ user: 'o9b@im.wechat', bot: bot.id, text: 'x' })).toThrow(
      'did not scan',
    );
    sim.control.changeSettings({ strangers: true });
    sim.control.message({ user: 'o9b@im.wechat', text: 'x' });
    expect((await bot.poll(bot.cursor)).msgs[0].from_user_id).toBe('o9b@im.wechat');
  }));

test('raw items and raw fields: any kind, no id, group, bot type, any time and token', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    sim.control.message({
      items: [{ type: 99, odd_item: { a: 1 } }],
      message: {
        message_id: null,
        group_id: 'g',
        message_type: 2,
        create_time_ms: 5,
        context_token: 'mine',
        extra: [1],
      },
    });
    const [message] = (await bot.poll(bot.cursor)).msgs;
    expect(message).toMatchObject({
      group_id: 'g',
      message_type: 2,
      create_time_ms: 5,
      context_token: 'mine',
      extra: [1],
    });
    expect(message.item_list).toEqual([{ type: 99, odd_item: { a: 1 } }]);
    expect('message_id' in message).toBe(false);
  }));
