import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resolvePartial } from '../../../../src/ilink/message/quote.ts';
import { partialText } from '../../../../src/simulator/phone/quotes.ts';
import { startSimulator } from '../../../../src/simulator/simulator.ts';
import { defaultSettings } from '../../../../src/simulator/world/settings.ts';
import { call, type Json, talkingBot, withSimulator } from '../client.ts';

const DOCS = new URL('../../../../docs/simulator.md', import.meta.url);
const CARELESS = 'SIM CONTROL';

test('every example of docs/simulator.md works as typed', () =>
  withSimulator({}, async (sim) => {
    const blocks = [...(await readFile(DOCS, 'utf8')).matchAll(/^```sh\n(.*?)^```/gms)].map(
      ([, code]) => code,
    );
    expect(blocks.length).toBeGreaterThan(5);
    // -f: an HTTP error must fail the run, which a reader would only see.
    const script = ['set -euo pipefail', 'curl() { command curl -f --noproxy "*" "$@"; }', ...blocks].join(
      '\n',
    );
    const env = { ...process.env, SIM: sim.controlUrl };
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { env });
    expect(stdout).toContain('no such live bot');
    const posted = new Set([...blocks.join('').matchAll(/\$SIM\/([a-z-]+)/g)].map(([, name]) => name));
    const all = (await (await fetch(sim.controlUrl)).json()) as { get: string[]; post: string[] };
    expect([...posted].sort()).toEqual([...new Set([...all.get, ...all.post])].sort());
  }));

test('docs/simulator.md has every setting with its default', async () => {
  const rows = [...(await readFile(DOCS, 'utf8')).matchAll(/^\| `(\w+)` \| `(.*?)` \|/gm)];
  const documented = Object.fromEntries(rows.map(([, name, value]) => [name, value]));
  const real = Object.entries(defaultSettings()).map(([name, value]) => [
    name,
    value === '' ? '""' : String(value),
  ]);
  expect(documented).toEqual(Object.fromEntries(real));
});

test('controls refuse what they do not know, with a sentence', () =>
  withSimulator({}, async (sim) => {
    const post = async (name: string, body: string) => {
      const response = await fetch(`${sim.controlUrl}/${name}`, { method: 'POST', body });
      return `${response.status} ${((await response.json()) as { error: string }).error}`;
    };
    expect(await post('message', '{"txt":"x"}')).toBe('400 unknown field "txt"');
    expect(await post('message', '{"text":5}')).toBe('400 text: string expected');
    expect(await post('message', '{}')).toContain('400 a message needs');
    expect(await post('message', '{"text":"x","image":{"sizeBytes":1}}')).toContain(
      '400 one message has one',
    );
    expect(await post('message', '{')).toBe('400 the body is not JSON');
    expect(await post('messages', '[]')).toBe('400 the body is an object');
    expect(await post('settings', '{"mode":"x"}')).toContain('400 mode: destructive, replay');
    expect(await post('settings', '{"x":1}')).toBe('400 the simulator has no setting "x"');
    expect(await post('scan', '{}')).toBe('404 no QR code waits for a scan');
    expect(await post('nothing', '')).toBe('404 no control POST /_sim/nothing');
    await expect(startSimulator({ mode: CARELESS as 'replay' })).rejects.toMatchObject({ kind: 'usage' });
    await expect(startSimulator({ port: Number(new URL(sim.baseUrl).port) })).rejects.toMatchObject({
      kind: 'cannot-create',
    });
  }));

test('requests are remembered with headers and bodies, never with a token', () =>
  withSimulator({ requestLimit: 3 }, async (sim) => {
    const bot = await talkingBot(sim);
    for (const text of ['a', 'b', 'c', 'd']) await bot.send(text);
    const requests = sim.control.requests();
    expect(requests.map(({ body }: Json) => body.msg.item_list[0].text_item.text)).toEqual(['b', 'c', 'd']);
    expect(requests[0]).toMatchObject({
      endpoint: 'sendmessage',
      bot: bot.id,
      headers: { authorization: 'Bearer ***' },
    });
    expect(JSON.stringify(requests)).not.toContain(bot.token);
  }));

test('the transcript is bounded, and a line is announced as it is shown', () =>
  withSimulator({ transcriptLimit: 2 }, async (sim) => {
    const heard: string[] = [];
    const stop = sim.control.onShown(({ from, text }) => heard.push(`${from}: ${text}`));
    const bot = await talkingBot(sim);
    await bot.send('a');
    await bot.send('b');
    stop();
    await bot.send('c');
    expect(heard).toEqual(['user: hello', 'bot: a', 'bot: b']);
    const { shown, last } = sim.control.phone();
    expect([shown.map(({ text }) => text), last]).toEqual([['b', 'c'], 4]);
    expect(sim.control.phone({ after: 3 }).shown).toHaveLength(1);
    const waiting = fetch(`${sim.controlUrl}/phone?after=4&waitMs=10000`);
    await bot.send('d');
    expect(((await (await waiting).json()) as Json).shown[0].text).toBe('d');
    sim.control.changeSettings({ transcriptLimit: 0 });
    await bot.send('e');
    expect(sim.control.phone().shown).toEqual([]);
  }));

test('the same seed gives the same tokens, QR codes, and ids but for the time in them; a reset starts again', async () => {
  const ids: Json[] = [];
  for (const seed of [7, 7, 8]) {
    await withSimulator({ seed, scan: 'manual' }, async (sim) => {
      const collect = async () => {
        const bot = await talkingBot(sim);
        const { qrcode } = await call(sim, 'get_bot_qrcode?bot_type=3', null, {});
        const snowflake = BigInt((await bot.send('x')).message_id) & 0x3fffffn;
        sim.control.changeSettings({ idSteps: 'dense' });
        const dense = (await bot.send('x')).message_id;
        return [bot.token, bot.user, bot.contextToken, qrcode, snowflake, dense];
      };
      const first = await collect();
      sim.control.advance(5_000);
      sim.control.changeSettings({ strangers: true });
      sim.control.reset();
      expect(sim.control.phone().shown).toEqual([]);
      expect(sim.control.settings().strangers).toBe(false);
      expect(await collect()).toEqual(first);
      ids.push(first);
    });
  }
  expect(ids[0]).toEqual(ids[1]);
  expect(ids[2]).not.toEqual(ids[0]);
});

test('quotes: the item, the id, a selection, or nothing but a place', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const { message_id: id } = await bot.send('明天上午十点开会，下午三点开会，请准时。');
    sim.control.messages([
      { text: '1', quote: { id, form: 'full' } },
      { text: '2', quote: { id } },
      { text: '3', quote: { id, selection: '下午三点开会' } },
      { text: '4', quote: { id, form: 'withheld' } },
    ]);
    const refs = (await bot.poll(bot.cursor)).msgs.map((message: Json) => message.item_list[0].ref_msg);
    expect(refs[0].message_item).toMatchObject({ type: 1, msg_id: id });
    expect(refs[1]).toEqual({ svr_id: id });
    expect(refs[2].partial_text.quotemd5).toBe('19040a3e383f152171addca807205447');
    expect(refs[3].message_item).toMatchObject({ type: 0 });
    expect(() => sim.control.message({ text: 'x', quote: { id: '1', form: 'full' } })).toThrow(
      'no message 1',
    );
  }));

test('a selection as the phone describes it leads back to the selection', () => {
  const piece = fc.array(fc.constantFrom('a', 'b', ' ', '开', '会', '🙂'), { minLength: 1, maxLength: 30 });
  const property = fc.property(piece, fc.nat(), fc.nat(), (characters, from, length) => {
    const start = from % characters.length;
    const selection = characters.slice(start, start + 1 + (length % (characters.length - start))).join('');
    const text = characters.join('');
    let described: Json;
    try {
      described = partialText(text, selection);
    } catch {
      return;
    }
    expect(resolvePartial(text, described)).toBe(selection);
  });
  fc.assert(property);
});

test('a script runs its calls in order, and names the line that is wrong', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wxagent-sim-'));
  const scriptFile = join(folder, 'script.jsonl');
  try {
    await writeFile(
      scriptFile,
      '{"call":"bots"}\n\n{"afterMs":5,"call":"message","body":{"text":"hi"}}\n{"call":"kill"}\n',
    );
    await withSimulator({ script: scriptFile }, async (sim) => {
      await sim.scriptDone;
      expect(sim.control.phone().shown).toMatchObject([{ text: 'hi' }]);
      expect(sim.control.bots()).toMatchObject([{ live: false }]);
    });
    await writeFile(scriptFile, '{"call":"kill"}\n');
    await withSimulator({ script: scriptFile }, async (sim) => {
      await expect(sim.scriptDone).rejects.toThrow('script line 1, kill: no such live bot');
    });
    for (const wrong of ['{', '[]', '{"call":"x"}', '{"call":"bots","afterMs":-1}']) {
      await writeFile(scriptFile, `{"call":"bots"}\n${wrong}\n`);
      await expect(startSimulator({ script: scriptFile })).rejects.toThrow('script line 2');
    }
    await expect(startSimulator({ script: join(folder, 'none') })).rejects.toMatchObject({
      kind: 'not-found',
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a page of a browser can neither write as the owner nor ask the API', () =>
  withSimulator({}, async (sim) => {
    const { port } = new URL(sim.baseUrl);
    const post = (path: string, headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .once('error', reject)
          .end('{"text":"rm -rf ~"}');
      });
    const type = { 'content-type': 'text/plain' };
    const paths = ['/_sim/message', '/ilink/bot/get_bot_qrcode?bot_type=3', '/c2c/upload'];
    for (const path of paths) {
      expect(await post(path, { ...type, origin: 'https://evil.example' })).toBe(403);
      expect(await post(path, { ...type, host: `evil.example:${port}` })).toBe(403);
      expect(await post(path, { ...type, 'sec-fetch-site': 'cross-site' })).toBe(403);
    }
    expect(sim.control.phone().shown).toEqual([]);
    expect(await post('/_sim/message', { ...type, host: 'localhost', origin: 'http://localhost' })).toBe(200);
  }));

test.each([
  [null],
  ['x'],
  [{ port: 'x' }],
  [{ port: 99_999 }],
  [{ port: -1 }],
  [{ seed: 'x' }],
  [{ seed: Number.NaN }],
  [{ script: 5 }],
  [{ tlsCert: 3, tlsKey: 3 }],
  [{ holdMs: 'x' }],
  [{ nope: 1 }],
])('startSimulator(%j) is refused in a sentence', async (options) => {
  await expect(startSimulator(options as never)).rejects.toMatchObject({ kind: 'usage' });
});
