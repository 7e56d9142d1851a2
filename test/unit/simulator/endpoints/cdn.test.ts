import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { decodeMediaKey, encodeMediaKey } from '../../../../src/core/message/media-key.ts';
import { decryptMedia, encryptedSize, encryptMedia } from '../../../../src/media/cipher.ts';
import type { Simulator } from '../../../../src/simulator/simulator.ts';
import { wrongKeyFor } from '../../../helpers/wrong-key.ts';
import { call, type Json, talkingBot, withSimulator } from '../client.ts';

type Bot = Awaited<ReturnType<typeof talkingBot>>;
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

function announcement(bot: Bot, plain: Buffer, key: Buffer, more: object = {}) {
  return {
    filekey: randomBytes(16).toString('hex'),
    media_type: 1,
    to_user_id: bot.user,
    rawsize: plain.length,
    rawfilemd5: md5(plain),
    filesize: encryptedSize(plain.length),
    no_need_thumb: true,
    aeskey: key.toString('hex'),
    ...more,
  };
}

async function uploaded(sim: Simulator, bot: Bot, plain: Buffer, key: Buffer, more: object = {}) {
  const { upload_full_url } = await call(sim, 'getuploadurl', bot.token, announcement(bot, plain, key, more));
  const body = new Uint8Array(encryptMedia(plain, key));
  return fetch(upload_full_url, { method: 'POST', body });
}

function imageItem(param: string | null, aes_key: string): Json {
  return {
    item_list: [{ type: 2, image_item: { media: { encrypt_query_param: param, aes_key, encrypt_type: 1 } } }],
  };
}

test('an uploaded image is shown, and the phone decrypts it', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const [plain, key] = [randomBytes(1_000), randomBytes(16)];
    const response = await uploaded(sim, bot, plain, key);
    const param = response.headers.get('x-encrypted-param');
    const { message_id } = await bot.send('', imageItem(param, encodeMediaKey(key)));
    const line = sim.control.phone().shown.at(-1);
    expect(line).toMatchObject({ kind: 'image', sizeBytes: 1_000, grey: null });
    expect(sim.control.file(message_id)).toEqual(plain);
  }));

test('a wrong key or an unknown blob is a grey placeholder', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const [plain, key] = [randomBytes(9), randomBytes(16)];
    const param = (await uploaded(sim, bot, plain, key)).headers.get('x-encrypted-param');
    const grey = async (item: Json) => {
      const { message_id } = await bot.send('', item);
      return [sim.control.phone().shown.at(-1)?.grey, sim.control.file(message_id)];
    };
    // The right bytes under a key no phone understands.
    const raw = key.toString('base64');
    expect(await grey(imageItem(param, raw))).toEqual([expect.stringContaining('hex characters'), plain]);
    const other = encodeMediaKey(wrongKeyFor(plain, key));
    expect(await grey(imageItem(param, other))).toEqual([expect.stringContaining('not the key'), null]);
    const nowhere = imageItem('nowhere', encodeMediaKey(key));
    expect(await grey(nowhere)).toEqual([expect.stringContaining('nothing was uploaded'), null]);
  }));

test('an item that says a wrong size or md5 of its file is a grey placeholder', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const [plain, key] = [randomBytes(100), randomBytes(16)];
    const param = (await uploaded(sim, bot, plain, key)).headers.get('x-encrypted-param');
    const media = { encrypt_query_param: param, aes_key: encodeMediaKey(key), encrypt_type: 1 };
    const grey = async (type: number, field: string, facts: object) => {
      await bot.send('', { item_list: [{ type, [field]: { media, ...facts } }] });
      return sim.control.phone().shown.at(-1)?.grey;
    };
    expect(await grey(2, 'image_item', { mid_size: 112 })).toBeNull();
    expect(await grey(2, 'image_item', { mid_size: 100 })).toBe('mid_size is not the ciphertext size');
    expect(await grey(5, 'video_item', { video_size: 112 })).toBeNull();
    expect(await grey(5, 'video_item', { video_size: 100 })).toBe('video_size is not the ciphertext size');
    const file = { file_name: 'a', len: '100', md5: md5(plain) };
    expect(await grey(4, 'file_item', file)).toBeNull();
    expect(await grey(4, 'file_item', { file_name: 'a' })).toBeNull();
    expect(await grey(4, 'file_item', { ...file, len: 100 })).toBe('len is not the plain size as a text');
    expect(await grey(4, 'file_item', { ...file, len: '112' })).toBe('len is not the plain size as a text');
    expect(await grey(4, 'file_item', { ...file, md5: md5(key) })).toContain('md5 is not');
  }));

test('the CDN checks size, key and md5; or accepts and greys', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const [plain, key] = [randomBytes(100), randomBytes(16)];
    const wrong: [object, string][] = [
      [{ filesize: 101 }, 'filesize is not'],
      [{ rawsize: 200, filesize: 208 }, 'length differs'],
      [{ rawfilemd5: md5(Buffer.from('other')) }, 'md5 differs'],
      [{ rawsize: 101 }, 'plain length differs'],
    ];
    for (const [more, reason] of wrong) {
      const response = await uploaded(sim, bot, plain, key, more);
      expect(response.status).toBe(400);
      expect(response.headers.get('x-error-message')).toContain(reason);
    }
    // Accepted without a word by the real one, and grey on the phone.
    const response = await uploaded(sim, bot, plain, key, { filesize: 100 });
    expect(response.status).toBe(200);
    await bot.send('', imageItem(response.headers.get('x-encrypted-param'), encodeMediaKey(key)));
    expect(sim.control.phone().shown.at(-1)?.grey).toBe('filesize is the plain size');
    sim.control.changeSettings({ uploadChecks: 'grey' });
    const junk = await uploaded(sim, bot, plain, wrongKeyFor(plain, key), { aeskey: key.toString('hex') });
    await bot.send('', imageItem(junk.headers.get('x-encrypted-param'), encodeMediaKey(key)));
    const line = sim.control.phone().shown.at(-1);
    expect([line?.grey, sim.control.file(line?.messageId ?? '')]).toEqual([
      'does not decrypt with aeskey',
      null,
    ]);
  }));

test('a thumbnail that is asked for is uploaded, checked and shown with its picture', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const [plain, thumb, key] = [randomBytes(100), randomBytes(20), randomBytes(16)];
    const wanted = { thumb_rawsize: 20, thumb_rawfilemd5: md5(thumb), thumb_filesize: 32 };
    const ask = (more: object) => call(sim, 'getuploadurl', bot.token, announcement(bot, plain, key, more));
    expect((await ask(wanted)).thumb_upload_param).toBe('');
    expect((await ask({ ...wanted, no_need_thumb: false, media_type: 3 })).thumb_upload_param).toBe('');
    expect((await ask({ no_need_thumb: false })).thumb_upload_param).toBe('');
    expect((await ask({ ...wanted, no_need_thumb: false, thumb_rawfilemd5: 'x' })).ret).toBe(-2);
    const { upload_param, thumb_upload_param, filekey } = await ask({ ...wanted, no_need_thumb: false });
    const put = async (param: string, bytes: Buffer) => {
      const query = `encrypted_query_param=${encodeURIComponent(param)}&filekey=${filekey}`;
      const body = new Uint8Array(encryptMedia(bytes, key));
      const response = await fetch(`${sim.cdnUrl}/upload?${query}`, { method: 'POST', body });
      return response.headers.get('x-encrypted-param');
    };
    expect(await put(thumb_upload_param, plain)).toBeNull();
    const params = [await put(upload_param, plain), await put(thumb_upload_param, thumb)];
    const [media, thumb_media] = params.map((encrypt_query_param) => ({
      encrypt_query_param,
      aes_key: encodeMediaKey(key),
    }));
    const grey = async (image_item: object) => {
      await bot.send('', { item_list: [{ type: 2, image_item }] });
      return sim.control.phone().shown.at(-1)?.grey;
    };
    expect(await grey({ media, thumb_media })).toBeNull();
    expect(await grey({ media, thumb_media: { ...thumb_media, aes_key: 'x' } })).toContain(
      'thumb_media: aes_key',
    );
    expect(await grey({ media, thumb_media: {} })).toContain('thumb_media: nothing was uploaded');
  }));

test('getuploadurl: unknown user -1, malformed -2, either or both addresses', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const [plain, key] = [randomBytes(5), randomBytes(16)];
    const ask = (more: object) => call(sim, 'getuploadurl', bot.token, announcement(bot, plain, key, more));
    expect(await ask({ to_user_id: 'dummy' })).toEqual({ ret: -1 });
    for (const more of [{ aeskey: 'x' }, { media_type: 9 }, { rawsize: '5' }, { filekey: '' }]) {
      expect((await ask(more)).ret).toBe(-2);
    }
    sim.control.changeSettings({ uploadAnswer: 'full-url' });
    expect((await ask({})).upload_param).toBeUndefined();
    sim.control.changeSettings({ uploadAnswer: 'param' });
    const { upload_param, upload_full_url } = await ask({ filekey: 'k1' });
    expect(upload_full_url).toBeUndefined();
    const unencoded = `${sim.cdnUrl}/upload?encrypted_query_param=${upload_param}&filekey=k1`;
    const encoded = `${sim.cdnUrl}/upload?encrypted_query_param=${encodeURIComponent(upload_param)}&filekey=k1`;
    const body = new Uint8Array(encryptMedia(plain, key));
    expect(upload_param).toContain('+');
    expect((await fetch(unencoded, { method: 'POST', body })).status).toBe(400);
    expect((await fetch(encoded, { method: 'POST', body })).status).toBe(200);
    expect((await fetch(encoded.replace('k1', 'k2'), { method: 'POST', body })).status).toBe(400);
  }));

test('what users send can be downloaded and decrypted, with every form of key', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const bytes = randomBytes(333);
    sim.control.messages([
      { image: { bytes } },
      { voice: { bytes, transcript: 'hi' } },
      { file: { bytes, name: 'a.bin' } },
      { video: { bytes } },
      { image: { bytes, plain: true } },
    ]);
    const items = (await bot.poll(bot.cursor)).msgs.map((message: Json) => message.item_list[0]);
    const bodies = [items[0].image_item, items[1].voice_item, items[2].file_item, items[3].video_item];
    for (const { media } of bodies) {
      expect(Buffer.from(media.aes_key, 'base64')).toHaveLength(32);
      const cipher = Buffer.from(await (await fetch(media.full_url)).arrayBuffer());
      expect(decryptMedia(cipher, decodeMediaKey(media.aes_key) as Buffer)).toEqual(bytes);
    }
    expect(decodeMediaKey(items[0].image_item.aeskey)).toEqual(
      decodeMediaKey(items[0].image_item.media.aes_key),
    );
    for (const { thumb_media, thumb_size, thumb_width, thumb_height } of [bodies[0], bodies[3]]) {
      const cipher = Buffer.from(await (await fetch(thumb_media.full_url)).arrayBuffer());
      const thumb = decryptMedia(cipher, decodeMediaKey(thumb_media.aes_key) as Buffer);
      expect(thumb.subarray(0, 3).toString('hex')).toBe('ffd8ff');
      expect([thumb_size, thumb_width, thumb_height]).toEqual([cipher.length, 120, 90]);
    }
    expect(items[1].voice_item.text).toBe('hi');
    expect(items[2].file_item).toMatchObject({ file_name: 'a.bin', len: '333', md5: md5(bytes) });
    const { media, aeskey } = items[4].image_item;
    expect([media.aes_key, aeskey]).toEqual([undefined, undefined]);
    expect(Buffer.from(await (await fetch(media.full_url)).arrayBuffer())).toEqual(bytes);
    expect((await fetch(`${sim.cdnUrl}/download?encrypted_query_param=x`)).status).toBe(400);
  }));

test('raw keys, no full_url, and the stale blob of a file sent twice', () =>
  withSimulator({ mediaKey: 'raw', fullUrl: false, staleBlobs: true }, async (sim) => {
    const bot = await talkingBot(sim);
    const bytes = randomBytes(40);
    sim.control.messages([{ file: { bytes } }, { file: { bytes } }]);
    const [first, second] = (await bot.poll(bot.cursor)).msgs.map(
      (message: Json) => message.item_list[0].file_item.media,
    );
    expect(Buffer.from(first.aes_key, 'base64')).toHaveLength(16);
    expect(first.full_url).toBeUndefined();
    expect(second.encrypt_query_param).toBe(first.encrypt_query_param);
    expect(second.aes_key).not.toBe(first.aes_key);
  }));

test('a range goes on where it is asked to, unless the CDN knows none', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    sim.control.message({ image: { bytes: Buffer.from('0123456789'), plain: true } });
    const [{ item_list }] = (await bot.poll(bot.cursor)).msgs;
    const ask = async (range: string) => {
      const response = await fetch(item_list[0].image_item.media.full_url, { headers: { range } });
      return [response.status, response.headers.get('content-range'), await response.text()];
    };
    expect(await ask('bytes=4-')).toEqual([206, 'bytes 4-9/10', '456789']);
    expect(await ask('bytes=10-')).toEqual([416, 'bytes */10', '']);
    expect(await ask('bytes=2-3')).toEqual([200, null, '0123456789']);
    sim.control.changeSettings({ ranges: false });
    expect(await ask('bytes=4-')).toEqual([200, null, '0123456789']);
  }));

test('flaws of what users send', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const bytes = Buffer.from('twenty bytes, or so.');
    const flaws = ['short-key', 'wrong-key', 'half-block', 'padding', 'size', 'md5'] as const;
    sim.control.messages(flaws.map((flaw) => ({ file: { bytes, flaw } })));
    const items = (await bot.poll(bot.cursor)).msgs.map((message: Json) => message.item_list[0].file_item);
    const found = await Promise.all(
      items.map(async ({ media, len, md5: told }: Json) => {
        const cipher = Buffer.from(await (await fetch(media.full_url)).arrayBuffer());
        const key = decodeMediaKey(media.aes_key);
        if (!key) return 'no key';
        if (cipher.length % 16 !== 0) return 'no blocks';
        try {
          decryptMedia(cipher, key);
        } catch {
          return 'no padding';
        }
        return [len, told === md5(bytes)];
      }),
    );
    expect(found).toEqual(['no key', 'no padding', 'no blocks', 'no padding', ['21', true], ['20', false]]);
    expect(() => sim.control.message({ file: { bytes, flaw: 'x' as 'md5' } })).toThrow('flaw: one of');
  }));

test('a cut at any byte, a length that lies, a body without an end', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    sim.control.message({ image: { bytes: Buffer.from('0123456789'), plain: true } });
    const [{ item_list }] = (await bot.poll(bot.cursor)).msgs;
    const ask = async (fault: { kind: 'cut' | 'length' | 'endless'; bytes?: number }) => {
      sim.control.addFault({ endpoint: 'download', count: 1, ...fault });
      const response = await fetch(item_list[0].image_item.media.full_url);
      let got = '';
      try {
        for await (const chunk of response.body ?? []) got += Buffer.from(chunk).toString();
      } catch {
        return [response.headers.get('content-length'), got, 'broken'];
      }
      return [response.headers.get('content-length'), got];
    };
    expect(await ask({ kind: 'cut', bytes: 3 })).toEqual(['10', '012', 'broken']);
    expect(await ask({ kind: 'cut' })).toEqual(['10', '01234', 'broken']);
    expect(await ask({ kind: 'length', bytes: 12 })).toEqual(['12', '0123456789', 'broken']);
    expect(await ask({ kind: 'length', bytes: 4 })).toEqual(['4', '0123']);
    expect(await ask({ kind: 'endless', bytes: 25 })).toEqual([null, '0123456789012345678901234']);
    expect(() => sim.control.addFault({ endpoint: 'download', kind: 'length' })).toThrow(
      'length: needs bytes',
    );
  }));
