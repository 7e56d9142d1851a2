import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSealing, type SealingOptions } from '../../../src/store/accounts/sealing.ts';

const [ONE, TWO] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const ACCOUNT = 'one@im.bot';
const sealing = (options: Partial<SealingOptions> = {}) =>
  createSealing({ keys: undefined, oldKeys: undefined, isPlaintext: false, ...options });
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return `${(error as { kind: string }).kind}: ${(error as Error).message}`;
  }
  return 'none';
};

describe('a sealed text', () => {
  test('is what it was, and looks like nothing of it, nor like itself another time', () => {
    const { seal, open, isCurrent } = sealing({ keys: ONE });
    for (const text of ['', 'secret', '{"token":"\u0000é好😀"}', 'x'.repeat(10_000)]) {
      const sealed = seal(ACCOUNT, text);
      expect([open(ACCOUNT, sealed), isCurrent(ACCOUNT, sealed)]).toEqual([text, true]);
      expect(seal(ACCOUNT, text)).not.toBe(sealed);
      if (text !== '') expect(sealed).not.toContain(text);
    }
  });

  test('is refused when any character of it is another, or missing, or more', () => {
    const { seal, open } = sealing({ keys: ONE });
    const sealed = seal(ACCOUNT, 'secret');
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      for (const changed of [other, '', `${sealed[at]}A`, `${sealed[at]}.`, `${sealed[at]}=`]) {
        const tampered = sealed.slice(0, at) + changed + sealed.slice(at + 1);
        expect(
          refusal(() => open(ACCOUNT, tampered)),
          tampered,
        ).toMatch(/^config: /);
      }
    }
    for (const odd of ['', 'v1', 'v1.', 'v1..', 'v2.x.y', 'secret', '{}'])
      expect(
        refusal(() => open(ACCOUNT, odd)),
        odd,
      ).toMatch(/^config: /);
  });

  test('is worth nothing for another account', () => {
    const { seal, open } = sealing({ keys: ONE });
    expect(refusal(() => open('two@im.bot', seal(ACCOUNT, 'secret')))).toContain('cannot be decrypted');
  });
});

describe('keys', () => {
  const sealed = sealing({ keys: ONE }).seal(ACCOUNT, 'secret');

  test('of two the first one seals, and both open', () => {
    for (const options of [
      { keys: `${TWO},${ONE}` },
      { keys: ` ${TWO} , ${ONE}\n` },
      { keys: TWO, oldKeys: ONE },
    ]) {
      const both = sealing(options);
      expect([both.open(ACCOUNT, sealed), both.isCurrent(ACCOUNT, sealed)]).toEqual(['secret', false]);
      const renewed = both.seal(ACCOUNT, 'new');
      const other = sealing({ keys: TWO });
      expect([other.open(ACCOUNT, renewed), other.isCurrent(ACCOUNT, renewed)]).toEqual(['new', true]);
    }
  });

  test('another one is told from one that is missing', () => {
    expect(refusal(() => sealing({ keys: TWO }).open(ACCOUNT, sealed))).toContain('it is another key');
    expect(refusal(() => sealing({ keys: TWO }).isCurrent(ACCOUNT, sealed))).toContain('it is another key');
    expect(refusal(() => sealing().open(ACCOUNT, sealed))).toContain('WXAGENT_STORE_KEY is not set');
  });

  test.each([
    [randomBytes(16).toString('base64'), 'and has 16 bytes'],
    [randomBytes(31).toString('base64'), 'and has 31 bytes'],
    [randomBytes(33).toString('base64'), 'and has 33 bytes'],
    [randomBytes(32).toString('hex'), 'and has 48 bytes'],
    ['correct horse battery staple', '32 bytes in base64'],
    [`"${ONE}"`, '32 bytes in base64'],
    [`${ONE},`, '32 bytes in base64'],
    [`${ONE},short`, 'and has 3 bytes'],
  ])('%s is none', (keys, reason) => {
    expect(refusal(() => sealing({ keys }))).toMatch(/^config: WXAGENT_STORE_KEY takes a key of 32 bytes/);
    expect(refusal(() => sealing({ keys }))).toContain(reason);
  });

  test('are taken in the base64 of URLs, and without padding', () => {
    const bytes = Buffer.alloc(32, 0xfb);
    const { open } = sealing({ keys: bytes.toString('base64url') });
    expect(open(ACCOUNT, sealing({ keys: bytes.toString('base64') }).seal(ACCOUNT, 'x'))).toBe('x');
  });
});

describe('without a key', () => {
  test('nothing is sealed unless that is said', () => {
    expect(refusal(() => sealing().check())).toMatch(/WXAGENT_STORE_KEY, or say --store-plaintext/);
    expect(refusal(() => sealing().seal(ACCOUNT, 'secret'))).toMatch(/--store-plaintext/);
    const plain = sealing({ isPlaintext: true });
    const kept = plain.seal(ACCOUNT, 'a.b');
    expect([plain.open(ACCOUNT, kept), plain.isCurrent(ACCOUNT, kept)]).toEqual(['a.b', true]);
  });

  test('plain text is sealed anew under a key, and a key beside the word for none is refused', () => {
    const written = sealing({ isPlaintext: true }).seal(ACCOUNT, 'secret');
    const keyed = sealing({ keys: ONE });
    expect([keyed.open(ACCOUNT, written), keyed.isCurrent(ACCOUNT, written)]).toEqual(['secret', false]);
    expect(refusal(() => sealing({ keys: ONE, isPlaintext: true }))).toContain('exclude each other');
  });
});
