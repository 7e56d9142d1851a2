import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ParsedMessage, WeixinBot } from 'weixin-bot-sdk';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';

/**
 * An independent client, unchanged, against the simulator: nobody who wrote one
 * of them has seen the other.
 */
let sim: Simulator;
let bot: WeixinBot;
let received: ParsedMessage[];

beforeEach(async () => {
  sim = await startSimulator({ seed: 5, scanDelayMs: 0, burstLimit: 0 });
  bot = new WeixinBot({ baseUrl: sim.baseUrl, cdnUrl: sim.cdnUrl });
  received = [];
  bot.on('message', (message: ParsedMessage) => received.push(message));
  bot.on('error', () => {});
});

afterEach(async () => {
  bot.stop();
  await sim.close();
});

/** Logs in, starts the loop, and lets the owner write first: before that a bot may not. */
async function startTalking(): Promise<ParsedMessage> {
  const statuses: string[] = [];
  const result = await bot.login({ onStatus: (status: string) => statuses.push(status) });
  expect(statuses).toEqual(['scaned', 'confirmed']);
  expect(result).toMatchObject({ baseUrl: sim.baseUrl, botId: sim.control.bots()[0]?.id });
  bot.start();
  sim.control.message({ text: 'hello 你好' });
  return next(1);
}

async function next(n: number): Promise<ParsedMessage> {
  await expect.poll(() => received.length).toBe(n);
  return received[n - 1] as ParsedMessage;
}

test('login, text in, text out, typing', async () => {
  const message = await startTalking();
  expect(message).toMatchObject({ type: 'text', text: 'hello 你好', from: sim.control.bots()[0]?.user });
  await bot.reply(message, 'answer 答');
  await bot.sendTyping(message.from);
  expect(sim.control.phone().typing).toMatchObject([{ user: message.from }]);
  await bot.cancelTyping(message.from);
  const { shown, typing } = sim.control.phone();
  expect(shown.map(({ from, text }) => [from, text])).toEqual([
    ['user', 'hello 你好'],
    ['bot', 'answer 答'],
  ]);
  expect(typing).toEqual([]);
});

test('image, file, video and voice in', async () => {
  await startTalking();
  const bytes = randomBytes(100_001);
  sim.control.messages([
    { image: { bytes } },
    { file: { bytes, name: 'report.pdf' } },
    { video: { bytes } },
    { voice: { bytes, transcript: 'spoken' } },
  ]);
  await next(5);
  const [image, file, video, voice] = received.slice(1);
  expect(received.slice(1).map(({ type }) => type)).toEqual(['image', 'file', 'video', 'voice']);
  expect(await bot.downloadImage(image?.image ?? {})).toEqual(bytes);
  expect(await bot.downloadFile(file?.file ?? {})).toEqual(bytes);
  expect(file?.file?.file_name).toBe('report.pdf');
  expect(await bot.downloadVideo(video?.video ?? {})).toEqual(bytes);
  expect(await bot.downloadVoice(voice?.voice ?? {})).toEqual(bytes);
  expect(voice?.text).toBe('spoken');
});

test('image and file out: the bytes arrive, and the key encoding phones do not read is seen', async () => {
  const { from } = await startTalking();
  const bytes = randomBytes(70_000);
  await bot.sendImage(from, bytes, undefined, 'caption');
  await bot.sendFile(from, bytes, 'out.bin');
  const sent = sim.control.phone().shown.filter((line) => line.from === 'bot');
  expect(sent).toMatchObject([
    { kind: 'text', text: 'caption', grey: null },
    { kind: 'image', sizeBytes: 70_000 },
    { kind: 'file', fileName: 'out.bin', sizeBytes: 70_000 },
  ]);
  for (const { messageId, grey } of sent.slice(1)) {
    expect(sim.control.file(messageId ?? '')).toEqual(bytes);
    // 1.1.0 sends base64 of the raw key: real phones show a grey placeholder then (protocol 5.3).
    expect(grey).toContain('hex characters');
  }
});

test('a second login ends the first: the client learns of its dead token', async () => {
  await startTalking();
  const expired = new Promise((resolve) => bot.once('session:expired', resolve));
  sim.control.createBot();
  expect(await expired).toBe(-14);
});
