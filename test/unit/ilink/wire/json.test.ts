import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseLossless } from '../../../../src/ilink/wire/json.ts';

describe('vectors of protocol 13.5', () => {
  test.each([
    ['{"message_id":7312345678901234567}', { message_id: '7312345678901234567' }],
    ['{"message_id": 12 }', { message_id: '12' }],
    ['{"message_id":"9"}', { message_id: '9' }],
    ['{"a":"\\"message_id\\":5","message_id":5}', { a: '"message_id":5', message_id: '5' }],
    ['{"msg_id":-3,"svr_id":null}', { msg_id: '-3', svr_id: null }],
    [
      '{"message_id":18446744073709551615,"ref_msg":{"svr_id":7312345678901234999}}',
      { message_id: '18446744073709551615', ref_msg: { svr_id: '7312345678901234999' } },
    ],
    [
      '{"from_user_id":7312345678901234567,"group_id":0}',
      { from_user_id: '7312345678901234567', group_id: '0' },
    ],
    ['\ufeff{"msg_id":1}', { msg_id: '1' }],
    ['{"other_id":7312345678901234567}', { other_id: Number('7312345678901234567') }],
  ])('%s', (raw, parsed) => {
    expect(parseLossless(raw)).toEqual(parsed);
  });
});

test.each([
  ['{"message_id":1.5e3,"x":1}', { message_id: 1500, x: 1 }],
  ['{"message_id":12e2}', { message_id: 1200 }],
  ['{"message_id":0}', { message_id: '0' }],
  ['{"message_id"\n\t :\r\n 7 , "svr_id":8}', { message_id: '7', svr_id: '8' }],
  ['{"message_id":[1,2],"msg_id":{"msg_id":3}}', { message_id: [1, 2], msg_id: { msg_id: '3' } }],
  ['["message_id",5,"msg_id"]', ['message_id', 5, 'msg_id']],
  ['{"a":"x\\\\","message_id":5}', { a: 'x\\', message_id: '5' }],
  ['{"x\\"message_id":5,"message_id":6}', { 'x"message_id': 5, message_id: '6' }],
  ['{"a":"message_id","b":5,"msg_id":1}', { a: 'message_id', b: 5, msg_id: '1' }],
  ['"message_id"', 'message_id'],
])('%s', (raw, parsed) => {
  expect(parseLossless(raw)).toEqual(parsed);
});

test.each([
  '',
  '{"message_id":5',
  '{"message_id":012}',
  '{"message_id":-}',
  '{"message_id":5x}',
  '{"message_id',
  '{"message_id":5,"a":"unfinished',
  '<html>"message_id":5</html>',
])('what is no JSON stays none: %s', (raw) => {
  expect(() => parseLossless(raw)).toThrow(SyntaxError);
});

test('only integers of ids change, whatever surrounds them', () => {
  const name = fc.oneof(
    fc.constantFrom('message_id', 'msg_id', 'svr_id', 'seq', '"message_id":1', 'a\\'),
    fc.string(),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(
        fc.string(),
        fc.integer(),
        fc.constantFrom(null, true, 0.5, '"message_id":5', '\\"svr_id\\":1'),
      ),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(name, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  const expected = (value: unknown, key = ''): unknown => {
    if (Array.isArray(value)) return value.map((entry) => expected(entry));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, expected(entry, name)]));
    }
    const isId = ['message_id', 'msg_id', 'svr_id'].includes(key);
    return isId && Number.isInteger(value) ? String(value) : value;
  };
  fc.assert(
    fc.property(tree, fc.constantFrom(undefined, 1), (value, indent) => {
      expect(parseLossless(JSON.stringify(value, null, indent))).toEqual(
        expected(JSON.parse(JSON.stringify(value))),
      );
    }),
    { numRuns: 500 },
  );
});

test('an id written by JSON.parse is the id that was sent', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (id) => {
      expect(parseLossless(`{"msgs":[{"message_id":${id}}]}`)).toEqual({
        msgs: [{ message_id: String(id) }],
      });
    }),
  );
});
