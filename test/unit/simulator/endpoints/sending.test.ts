import { expect, test } from 'vitest';
import { call, talkingBot, textMessage, withSimulator } from '../client.ts';

const INVALID = { ret: -2, errmsg: 'invalid arguments' };
const PREPARE = { ret: -2, errmsg: 'prepare failed' };
const DAY_MS = 86_400_000;

test('an accepted text is on the phone with its ids', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const answer = await bot.send('**hi**', { client_id: 'c-1', run_id: 'r-1' });
    expect(BigInt(answer.message_id) > 2n ** 53n).toBe(true);
    const [line] = sim.control.phone().shown.filter(({ from }) => from === 'bot');
    expect(line).toMatchObject({
      user: bot.user,
      bot: bot.id,
      kind: 'text',
      text: '**hi**',
      clientId: 'c-1',
      runId: 'r-1',
      messageId: answer.message_id,
      grey: null,
      hidden: null,
    });
  }));

test('what is no valid message is refused as invalid arguments', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const text = { type: 1, text_item: { text: 'x' } };
    const wrong = [
      { item_list: [] },
      { item_list: undefined },
      { item_list: [text, { type: 2, image_item: {} }] },
      { item_list: [{ type: 1, text_item: { text: '' } }] },
      { item_list: [{ type: 7 }] },
      { message_type: 1 },
      { message_type: undefined },
      { message_state: 3 },
      { to_user_id: '' },
    ];
    for (const more of wrong) expect([more, await bot.send('x', more)]).toEqual([more, INVALID]);
    expect(await call(sim, 'sendmessage', bot.token, {})).toEqual(INVALID);
    expect(await call(sim, 'sendmessage', bot.token, '{"msg":')).toEqual(INVALID);
    expect(sim.control.phone().shown.filter(({ from }) => from === 'bot')).toEqual([]);
  }));

test('a user who never wrote, a text too long', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    expect(await bot.send('x', { to_user_id: 'o9nobody@im.wechat' })).toEqual(PREPARE);
    expect(await bot.send('字'.repeat(5_462))).toEqual(PREPARE);
    expect((await bot.send('x'.repeat(16_384))).message_id).toBeDefined();
  }));

test('ten messages per inbound, 24 hours; the user opens both again', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    for (let i = 0; i < 10; i++) expect((await bot.send(`${i}`)).message_id).toBeDefined();
    expect(await bot.send('11')).toEqual(PREPARE);
    sim.control.message({ text: 'more' });
    expect((await bot.send('12')).message_id).toBeDefined();
    sim.control.advance(DAY_MS - 60_000);
    expect((await bot.send('13')).message_id).toBeDefined();
    sim.control.advance(60_001);
    sim.control.changeSettings({ limitAnswer: 'no-errmsg' });
    expect(await bot.send('14')).toEqual({ ret: -2 });
    sim.control.changeSettings({ limitAnswer: 'drop' });
    expect((await bot.send('15')).message_id).toBeDefined();
    expect(sim.control.phone({ all: true }).shown.at(-1)).toMatchObject({ text: '15', hidden: 'limit' });
    expect(sim.control.phone().shown.at(-1)?.text).toBe('13');
  }));

test('the third message within a second is refused, and every attempt prolongs the penalty', () =>
  withSimulator({ burstLimit: 2, burstWithinMs: 60_000, burstPenaltyMs: 300_000 }, async (sim) => {
    const bot = await talkingBot(sim);
    await bot.send('1');
    await bot.send('2');
    expect(await bot.send('3')).toEqual(PREPARE);
    sim.control.advance(290_000);
    expect(await bot.send('4')).toEqual(PREPARE);
    sim.control.advance(290_000);
    expect(await bot.send('5')).toEqual(PREPARE);
    sim.control.advance(300_001);
    expect((await bot.send('6')).message_id).toBeDefined();
  }));

test('a repeated client_id gets the first id and is shown once, unless that is off', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const shown = () => sim.control.phone().shown.filter(({ from }) => from === 'bot').length;
    const first = await bot.send('x', { client_id: 'same' });
    expect(await bot.send('x', { client_id: 'same' })).toEqual(first);
    expect(shown()).toBe(1);
    sim.control.changeSettings({ dedupe: false });
    expect(await bot.send('x', { client_id: 'same' })).not.toEqual(first);
    expect(shown()).toBe(2);
  }));

test('a generating message cannot be finished under its own client_id', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    expect((await bot.send('part', { client_id: 'g', message_state: 1 })).message_id).toBeDefined();
    expect(await bot.send('whole', { client_id: 'g' })).toEqual({ ret: -2 });
  }));

test('every body a success was seen with', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const body = async (sendAnswer: 'number' | 'string' | 'ret' | 'object' | 'empty') => {
      sim.control.changeSettings({ sendAnswer });
      const response = await fetch(`${sim.baseUrl}/ilink/bot/sendmessage`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bot.token}` },
        body: JSON.stringify({ msg: textMessage(bot.user, 'x') }),
      });
      return response.text();
    };
    expect(await body('number')).toMatch(/^\{"message_id":\d{19}\}$/);
    expect(await body('string')).toMatch(/^\{"ret":0,"message_id":"\d{19}"\}$/);
    expect(await body('ret')).toBe('{"ret":0}');
    expect(await body('object')).toBe('{}');
    expect(await body('empty')).toBe('');
  }));

test('context tokens are looked at only where that is switched on', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    expect((await bot.send('x')).message_id).toBeDefined();
    sim.control.changeSettings({ contextCheck: 'present' });
    expect(await bot.send('x')).toEqual({ ret: -2 });
    expect((await bot.send('x', { context_token: 'any' })).message_id).toBeDefined();
    sim.control.changeSettings({ contextCheck: 'valid' });
    expect(await bot.send('x', { context_token: 'any' })).toEqual({ ret: -2, errmsg: 'unknown error' });
    sim.control.message({ text: 'newer' });
    expect((await bot.send('x', { context_token: bot.contextToken })).message_id).toBeDefined();
    sim.control.kill();
    const next = sim.control.createBot();
    sim.control.message({ text: 'hi' });
    const msg = textMessage(next.user, 'x', { context_token: bot.contextToken });
    expect(await call(sim, 'sendmessage', next.token, { msg })).toEqual({ ret: -2, errmsg: 'unknown error' });
  }));

test('voice is accepted and not shown; tool progress is', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    expect((await bot.send('', { item_list: [{ type: 3, voice_item: {} }] })).message_id).toBeDefined();
    const tool = { type: 11, tool_call_start_item: { tool_name: 'web_search', tool_call_id: 'c' } };
    expect((await bot.send('', { item_list: [tool] })).message_id).toBeDefined();
    const lines = sim.control.phone({ all: true }).shown.slice(1);
    expect(lines).toMatchObject([
      { kind: 'voice', hidden: 'voice' },
      { kind: 'tool', text: 'web_search', hidden: null },
    ]);
  }));

test('typing: a ticket per user, shown until cancelled; notifystart and notifystop', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    expect(await call(sim, 'getconfig', bot.token, {})).toEqual({
      ret: -2,
      errmsg: 'ilink_user_id required',
    });
    expect(await call(sim, 'getconfig', bot.token, { ilink_user_id: 'o9x@im.wechat' })).toEqual({
      ret: 0,
      typing_ticket: '',
    });
    const { typing_ticket } = await call(sim, 'getconfig', bot.token, { ilink_user_id: bot.user });
    const type = (more: object) =>
      call(sim, 'sendtyping', bot.token, { ilink_user_id: bot.user, typing_ticket, status: 1, ...more });
    expect(await type({ typing_ticket: 'other' })).toEqual(INVALID);
    expect(await type({ status: 3 })).toEqual(INVALID);
    expect(await type({})).toEqual({ ret: 0 });
    expect(await type({})).toEqual({ ret: 0 });
    expect(sim.control.phone().typing).toMatchObject([{ user: bot.user, requests: 2 }]);
    expect(await type({ status: 2 })).toEqual({ ret: 0 });
    expect(sim.control.phone().typing).toEqual([]);
    await call(sim, 'msg/notifystart', bot.token, {});
    expect(sim.control.bots()[0]?.announced).toBe(true);
    await call(sim, 'msg/notifystop', bot.token, {});
    expect(sim.control.bots()[0]?.announced).toBe(false);
  }));
