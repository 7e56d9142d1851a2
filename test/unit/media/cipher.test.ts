import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMediaKey, encodeMediaKey } from '../../../src/core/message/media-key.ts';
import { decryptMedia, encryptedSize, encryptMedia } from '../../../src/media/cipher.ts';

const KEY = Buffer.from('00112233445566778899aabbccddeeff', 'hex');

describe('vectors of protocol 13.1', () => {
  test.each([
    ['', '00657ea140655a44782747705d422fad', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['A', 'c6676f7ff3796d7cbf27695a1b214c28', '7fc56270e7a70fa81a5935b72eacbe29'],
    ['0123456789abcde', 'f57434cbfd3c706f41d132d47b8a378e', '32a120cc6c02e2be926b4c785c440cd8'],
    [
      '0123456789abcdef',
      'aebdd39b144089d5e31cacd35b7a113a00657ea140655a44782747705d422fad',
      '4032af8d61035123906e58e067140cc5',
    ],
    [
      '0123456789abcdefg',
      'aebdd39b144089d5e31cacd35b7a113a003e8e2564d816696a1f9a830e2a5fec',
      '461f13e3e373ff0ab8a219283afe33db',
    ],
    ['你好，iLink', '6570f0eb455821b9e3684e613c440efb', '3cd3b1b5aed4abd004b270a200e6e7a2'],
  ])('%j', (text, encryptedHex, md5) => {
    const plain = Buffer.from(text, 'utf8');
    expect(encryptMedia(plain, KEY).toString('hex')).toBe(encryptedHex);
    const decrypted = decryptMedia(Buffer.from(encryptedHex, 'hex'), KEY);
    expect(decrypted).toEqual(plain);
    expect(createHash('md5').update(decrypted).digest('hex')).toBe(md5);
  });

  test.each([
    [0, 16],
    [1, 16],
    [15, 16],
    [16, 32],
    [17, 32],
    [31, 32],
    [32, 48],
    [1000, 1008],
    [12345, 12352],
    [1048576, 1048592],
  ])('%i bytes become %i', (plainBytes, encryptedBytes) => {
    expect(encryptedSize(plainBytes)).toBe(encryptedBytes);
    expect(encryptMedia(Buffer.alloc(plainBytes), KEY)).toHaveLength(encryptedBytes);
  });

  test('the key is sent as base64 of hex and read in every form', () => {
    expect(encodeMediaKey(KEY)).toBe('MDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJiY2NkZGVlZmY=');
    for (const form of [encodeMediaKey(KEY), 'ABEiM0RVZneImaq7zN3u/w==', KEY.toString('hex')]) {
      expect(decodeMediaKey(form)).toEqual(KEY);
    }
  });
});

test.each(['', 'not a key', 'AAAA', `${KEY.toString('hex')}00`])('%j is no key', (text) => {
  expect(decodeMediaKey(text)).toBeNull();
});

test('a wrong key is noticed by the padding', () => {
  const encrypted = encryptMedia(Buffer.from('0123456789abcdef'), KEY);
  expect(() => decryptMedia(encrypted, Buffer.alloc(16, 7))).toThrow();
});

test('what is encrypted decrypts to itself', () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const key = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(bytes, key, (plain, anyKey) => {
      const encrypted = encryptMedia(plain, anyKey);
      expect(encrypted).toHaveLength(encryptedSize(plain.length));
      expect([...decryptMedia(encrypted, anyKey)]).toEqual([...plain]);
      expect(decodeMediaKey(encodeMediaKey(anyKey))).toEqual(Buffer.from(anyKey));
    }),
  );
});
