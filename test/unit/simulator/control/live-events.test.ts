import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Simulator } from '../../../../src/simulator/simulator.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { type Json, talkingBot, withSimulator } from '../client.ts';

interface Event {
  id: string;
  event: string;
  data: Json;
}

/** Listens to the stream of a simulator; the events so far grow. */
async function listen(sim: Simulator, options: { lastId?: string; after?: string } = {}): Promise<Event[]> {
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const query = options.after === undefined ? '' : `?after=${encodeURIComponent(options.after)}`;
  const headers: Record<string, string> =
    options.lastId === undefined ? {} : { 'last-event-id': options.lastId };
  const response = await fetch(`${sim.controlUrl}/live${query}`, { headers, signal: ending.signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const events: Event[] = [];
  void read(response, events).catch(() => {});
  return events;
}

async function read(response: Response, events: Event[]): Promise<void> {
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString('utf8');
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks.filter((one) => one !== ':')) {
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
      events.push({ id: fields.id ?? '', event: fields.event, data: JSON.parse(fields.data) });
    }
  }
}

const textsOf = (events: Event[]) =>
  events.filter(({ event }) => event === 'shown').map(({ data }) => data.text);
const lastState = (events: Event[]) => events.findLast(({ event }) => event === 'state')?.data;

test('a listener gets what was shown, then every line as it comes, also what no phone shows', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const events = await listen(sim);
    await pollUntil('the first state', () => lastState(events) !== undefined);
    expect(events.map(({ event }) => event)).toEqual(['reset', 'shown', 'state']);
    await bot.send('one');
    sim.control.addFault({ endpoint: 'sendmessage', kind: 'drop', count: 1 });
    await bot.send('lost');
    await bot.send('two');
    await pollUntil('three answers', () => textsOf(events).length === 4);
    expect(textsOf(events)).toEqual(['hello', 'one', 'lost', 'two']);
    expect(events.filter(({ event }) => event === 'shown').map(({ data }) => data.hidden)).toEqual([
      ...[null, null, 'dropped', null],
    ]);
    await pollUntil('the budget', () => lastState(events)?.contacts[0].budgetLeft === 7);
  }));

test('a listener goes on where it was, by header or by query; an unknown place begins anew', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const first = await listen(sim);
    await bot.send('one');
    await pollUntil('one', () => textsOf(first).length === 2);
    const place = first.findLast(({ event }) => event === 'shown')?.id ?? '';
    await bot.send('two');
    for (const options of [{ lastId: place }, { after: place }]) {
      const again = await listen(sim, options);
      await pollUntil('two', () => textsOf(again).includes('two'));
      expect(textsOf(again)).toEqual(['two']);
      expect(again.some(({ event }) => event === 'reset')).toBe(false);
    }
    const [world = ''] = place.split('.');
    for (const lastId of ['x', `${world}.999`, `${world}.1e3`, `other-${place}`, '../..', `${world}.-1`]) {
      const anew = await listen(sim, { lastId });
      await pollUntil('all of it', () => lastState(anew) !== undefined);
      expect(anew[0]?.event).toBe('reset');
      expect(textsOf(anew)).toEqual(['hello', 'one', 'two']);
    }
  }));

test('a reset says so, and what comes after it is of another world', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    await bot.send('one');
    const events = await listen(sim);
    await pollUntil('all of it', () => lastState(events) !== undefined);
    const { world } = lastState(events);
    sim.control.reset();
    sim.control.message({ text: 'after' });
    await pollUntil('what was written after it', () => textsOf(events).includes('after'));
    const at = events.findLastIndex(({ event }) => event === 'reset');
    expect(textsOf(events.slice(at))).toEqual(['after']);
    await pollUntil('the new state', () => lastState(events).world !== world);
  }));

test('a listener without a place gets the newest lines only', () =>
  withSimulator({}, async (sim) => {
    for (let n = 1; n <= 600; n++) sim.control.message({ text: String(n) });
    const events = await listen(sim);
    await pollUntil('all of it', () => lastState(events) !== undefined);
    expect(textsOf(events)).toHaveLength(500);
    expect(textsOf(events)[0]).toBe('101');
  }));

test('the state follows typing, logins, faults and the clock', () =>
  withSimulator({ scan: 'manual' }, async (sim) => {
    const bot = await talkingBot(sim);
    const events = await listen(sim);
    const config = await fetch(`${sim.baseUrl}/ilink/bot/getconfig`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bot.token}` },
      body: JSON.stringify({ ilink_user_id: bot.user }),
    });
    const { typing_ticket } = (await config.json()) as Json;
    await fetch(`${sim.baseUrl}/ilink/bot/sendtyping`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bot.token}` },
      body: JSON.stringify({ ilink_user_id: bot.user, typing_ticket, status: 1 }),
    });
    await pollUntil('typing', () => lastState(events)?.typing[0]?.user === bot.user);
    await fetch(`${sim.baseUrl}/ilink/bot/get_bot_qrcode?bot_type=3`, { method: 'POST' });
    await pollUntil('a login', () => lastState(events)?.logins[0]?.status === 'wait');
    expect(lastState(events).logins[0].url).toContain(lastState(events).logins[0].qrcode);
    sim.control.addFault({ endpoint: 'upload', kind: 'hang' });
    await pollUntil('a fault', () => lastState(events)?.faults.length === 1);
    sim.control.advance(25 * 3_600_000);
    sim.control.addFault({ endpoint: 'upload', kind: 'reset', count: 0 });
    await pollUntil('the clock', () => lastState(events)?.clockOffsetMs === 25 * 3_600_000);
    expect(lastState(events)).toMatchObject({ logins: [], typing: [] });
    sim.control.kill();
    await pollUntil('the end of the bot', () => lastState(events)?.contacts[0].bot === null);
    expect(JSON.stringify(events)).not.toContain(bot.token);
  }));

test('a listener that reads late misses nothing', () =>
  withSimulator({}, async (sim) => {
    const socket = connect(Number(new URL(sim.baseUrl).port), '127.0.0.1');
    onTestFinished(() => void socket.resetAndDestroy());
    socket.write('GET /_sim/live HTTP/1.0\r\nhost: localhost\r\n\r\n');
    await new Promise((resolve) => socket.once('readable', resolve));
    const text = 'x'.repeat(500_000);
    for (let n = 1; n <= 40; n++) sim.control.message({ text: `${text} ${n} end` });
    let got = '';
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1').replaceAll('x', '');
    });
    await pollUntil('the last line', () => got.includes('40 end'));
    expect([...got.matchAll(/ (\d+) end/g)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  }));

test('contacts: budget and window of each, and what the budget can be set to', () =>
  withSimulator({ strangers: true, quota: 10 }, async (sim) => {
    expect(sim.control.state().contacts).toEqual([
      { user: expect.any(String), isOwner: true, bot: null, budgetLeft: 0, windowEndsMs: null },
    ]);
    const bot = await talkingBot(sim);
    sim.control.message({ user: 'a "quoted"\nname', text: 'hi' });
    await bot.send('one');
    expect(sim.control.state().contacts).toMatchObject([
      { user: bot.user, isOwner: true, bot: bot.id, budgetLeft: 9 },
      { user: 'a "quoted"\nname', isOwner: false, bot: bot.id, budgetLeft: 10 },
    ]);
    expect(sim.control.setBudget(1)).toMatchObject({ user: bot.user, budgetLeft: 1 });
    expect(await bot.send('two')).toHaveProperty('message_id');
    expect(await bot.send('three')).toMatchObject({ ret: -2 });
    sim.control.message({ text: 'go on' });
    expect(sim.control.state().contacts[0]?.budgetLeft).toBe(10);
    expect(() => sim.control.setBudget(11)).toThrow('from 0 to 10');
    expect(() => sim.control.setBudget(0.5)).toThrow('a whole number');
    expect(() => sim.control.setBudget(0, 'nobody')).toThrow('has not written');
    sim.control.changeSettings({ quota: 0, windowMs: 0 });
    expect(sim.control.state().contacts[0]).toMatchObject({ budgetLeft: null, windowEndsMs: null });
  }));

test('a line says what it quotes', () =>
  withSimulator({}, async (sim) => {
    const { messageId } = sim.control.message({ text: 'at ten?' });
    sim.control.message({ text: 'yes', quote: { id: String(messageId) } });
    expect(sim.control.phone().shown.map(({ quote }) => quote)).toEqual([null, messageId]);
  }));
