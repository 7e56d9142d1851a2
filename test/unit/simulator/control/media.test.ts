import { expect, test } from 'vitest';
import { wavHeader } from '../../../../src/media/voice/wav-header.ts';
import { type Json, withSimulator } from '../client.ts';

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');
const SILENCE = Buffer.concat([wavHeader(48_000, 24_000), Buffer.alloc(48_000)]);

test('a recording becomes SILK, and a voice is sound again', () =>
  withSimulator({}, async (sim) => {
    const post = (body: Uint8Array) => fetch(`${sim.controlUrl}/silk`, { method: 'POST', body });
    const silk = (await (await post(SILENCE)).json()) as Json;
    expect(Buffer.from(silk.base64, 'base64').subarray(1, 10).toString('latin1')).toBe('#!SILK_V3');
    expect(silk.playtimeMs).toBe(1_000);
    const { messageId } = sim.control.message({ voice: silk });
    const sound = await fetch(`${sim.controlUrl}/file?messageId=${messageId}&as=wav`);
    expect(sound.headers.get('content-type')).toBe('audio/wav');
    expect((await sound.arrayBuffer()).byteLength).toBe(SILENCE.length);

    const long = Buffer.concat([wavHeader(70 * 16_000, 8_000), Buffer.alloc(70 * 16_000)]);
    for (const bad of [Buffer.from('hello'), Buffer.alloc(0), SILENCE.subarray(0, 20), long]) {
      const refused = await post(bad);
      expect(refused.status).toBe(400);
      expect(await refused.json()).toHaveProperty('error');
    }
    const text = sim.control.message({ file: { bytes: Buffer.from('no voice') } });
    const none = await fetch(`${sim.controlUrl}/file?messageId=${text.messageId}&as=wav`);
    expect([none.status, await none.json()]).toEqual([
      404,
      { error: 'the media of this message is no voice of a phone' },
    ]);
  }));

test.each([
  ['a picture', PNG, 'image/png', 'inline'],
  ['HTML', Buffer.from('<!doctype html><script>alert(1)</script>'), 'application/octet-stream', 'attachment'],
  ['SVG', Buffer.from('<svg onload="alert(1)"/>'), 'application/octet-stream', 'attachment'],
  ['a PDF', Buffer.from('%PDF-1.7'), 'application/octet-stream', 'attachment'],
  ['nothing', Buffer.alloc(0), 'application/octet-stream', 'attachment'],
])('%s is served as what it may be, under any name', (_, bytes, type, disposition) =>
  withSimulator({}, async (sim) => {
    for (const name of [
      'a.png',
      'x"; filename=evil.html',
      'a\r\nset-cookie: x=1',
      '../../etc/passwd',
      '报告.svg',
      '\ud800',
    ]) {
      const { messageId } = sim.control.message({ file: { bytes, name } });
      const { status, headers } = await fetch(`${sim.controlUrl}/file?messageId=${messageId}`);
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe(type);
      expect(headers.get('content-disposition')).toMatch(
        new RegExp(`^${disposition}; filename\\*=UTF-8''[\\w.%~!-]+$`),
      );
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*sandbox$/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('set-cookie')).toBeNull();
    }
  }),
);

test.each<[string, number, string | null, string]>([
  ['bytes=0-1', 206, 'bytes 0-1/10', '01'],
  ['bytes=7-', 206, 'bytes 7-9/10', '789'],
  ['bytes=-3', 206, 'bytes 7-9/10', '789'],
  ['bytes=-99', 206, 'bytes 0-9/10', '0123456789'],
  ['bytes=8-99', 206, 'bytes 8-9/10', '89'],
  ['bytes=10-', 416, 'bytes */10', ''],
  ['bytes=-0', 416, 'bytes */10', ''],
  ...['bytes=5-2', 'bytes=-', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=a-b'].map(
    (range): [string, number, null, string] => [range, 200, null, '0123456789'],
  ),
])('a part of a file: %s', (range, status, place, text) =>
  withSimulator({}, async (sim) => {
    const { messageId } = sim.control.message({ file: { bytes: Buffer.from('0123456789') } });
    const part = await fetch(`${sim.controlUrl}/file?messageId=${messageId}`, { headers: { range } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      status,
      place,
      text,
    ]);
  }),
);
