/** Everything random in the simulator, from one seed, so that two runs with the same calls make the same ids. */

/** A stream of uint32: fast, seeded, good enough for ids nobody has to guess (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** The maker of ids, tokens and keys, each in the shape seen on the wire. */
export interface Ids {
  /**
   * A uint64 above 2^53 as decimal text, always rising (protocol 10.3). `snowflake`, as captured: the time above 22
   * bits, so that neighbours stay apart where a double rounds them; `dense`: neighbours fall together there (protocol 15a).
   */
  messageId(form: 'snowflake' | 'dense', timeMs: number): string;
  /** `v1:<uint64>`: what items are called, nothing to do with the id of their message (protocol 15a). */
  itemId(): string;
  /** What a user's phone calls a message (protocol 15a). */
  clientId(timeMs: number): string;
  /** `<hex>@im.bot` (protocol 2.2). */
  botId(): string;
  /** `<bot id>:<secret>` (protocol 2.2), 58 characters. */
  botToken(botId: string): string;
  /** `o9cq80...@im.wechat` (protocol 2.2). */
  userId(): string;
  /** The handle of a QR code. */
  qrcode(): string;
  /** Opaque base64 with `+`, `/` and `=`, so that a client that forgets to encode it is found out (protocol 13.4). */
  cdnParam(): string;
  /** Base64 of a typing ticket (protocol 6.1). */
  ticket(): string;
  /** Random bytes; repeats a block of at most 64 KiB, because generated files may be large. */
  bytes(count: number): Buffer;
  /** The n-th context token of one user with one bot; can be checked without being remembered (protocol 9.3). */
  contextToken(botSerial: number, userSerial: number, n: number): string;
  /** The `n` of a context token issued to this user by this bot, or null. */
  readContextToken(token: string, botSerial: number, userSerial: number): number | null;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const BLOCK_BYTES = 65_536;
/** 132 characters, the first 18 always the same (protocol 15a). */
const CONTEXT_TOKEN_BYTES = 99;
const CONTEXT_TOKEN_HEAD = Buffer.from('0004732560050000010000000000', 'hex');

/** Ids drawn from `seed`. */
export function createIds(seed: number): Ids {
  const random = createRandom(seed);
  let lastDense = 7_312_345_678_901_234_567n + BigInt(random());
  // Below the time: a number of the machine, and 8 in the lowest 7 bits.
  const machine = BigInt(((random() & 0x7fff) << 7) | 8);
  let lastTick = 0;

  function bytes(count: number): Buffer {
    const block = Buffer.alloc(Math.min(Math.ceil(count / 4) * 4, BLOCK_BYTES));
    for (let at = 0; at < block.length; at += 4) block.writeUInt32LE(random(), at);
    return count <= block.length ? block.subarray(0, count) : Buffer.alloc(count, block);
  }
  const hex = (digits: number) => bytes(digits / 2).toString('hex');
  const handle = () => {
    let id = 'o9cq80';
    for (let i = 0; i < 22; i++) id += ALPHABET[random() % ALPHABET.length];
    return id;
  };
  const hidden = createRandom(seed ^ 0x3c6ef372)();

  /** The number of a token and a seal over whose it is, in bytes like the real ones. */
  function contextToken(botSerial: number, userSerial: number, n: number): string {
    const token = Buffer.alloc(CONTEXT_TOKEN_BYTES);
    CONTEXT_TOKEN_HEAD.copy(token);
    token.writeUInt32LE((n ^ hidden) >>> 0, CONTEXT_TOKEN_HEAD.length);
    const fill = createRandom(
      seed ^ Math.imul(botSerial, 0x9e3779b1) ^ Math.imul(userSerial, 0x85ebca6b) ^ Math.imul(n, 0xc2b2ae35),
    );
    for (let at = CONTEXT_TOKEN_HEAD.length + 4; at < token.length; at++) token[at] = fill() & 0xff;
    return token.toString('base64');
  }

  return {
    messageId(form, timeMs) {
      const step = random();
      if (form === 'dense') {
        lastDense += 1n + BigInt(step & 0x3f);
        return lastDense.toString();
      }
      // The server's clock, 50 to 506 ms after the phone's; a millisecond of its own for each message.
      lastTick = Math.max(lastTick + 1, timeMs + 50 + (step % 457));
      return BigInt.asUintN(64, (BigInt(lastTick) << 22n) | machine).toString();
    },
    itemId: () => `v1:${bytes(8).readBigUInt64LE()}`,
    clientId: (timeMs) =>
      `mmassistant_bypmsg_inbox_${hex(32)}mm${handle()}@weclaw${random() % 1e7}_${Math.floor(timeMs / 1_000) - 2}`,
    botId: () => `${hex(12)}@im.bot`,
    botToken: (botId) => `${botId}:060000${hex(32)}`,
    userId: () => `${handle()}@im.wechat`,
    qrcode: () => `q_${hex(32)}`,
    cdnParam: () => Buffer.concat([Buffer.from('fbff', 'hex'), bytes(44)]).toString('base64'),
    ticket: () => bytes(24).toString('base64'),
    bytes,
    contextToken,
    readContextToken(token, botSerial, userSerial) {
      const bytes = Buffer.from(token, 'base64');
      if (bytes.length !== CONTEXT_TOKEN_BYTES) return null;
      const n = (bytes.readUInt32LE(CONTEXT_TOKEN_HEAD.length) ^ hidden) >>> 0;
      return n > 0 && token === contextToken(botSerial, userSerial, n) ? n : null;
    },
  };
}
