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
  /** A uint64 above 2^53 as decimal text, always rising (protocol 10.3). */
  messageId(): string;
  /** `<hex>@im.bot` (protocol 2.2). */
  botId(): string;
  /** `<bot id>:<secret>` (protocol 2.2). */
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

/** Ids drawn from `seed`. */
export function createIds(seed: number): Ids {
  const random = createRandom(seed);
  let lastMessageId = 7_312_345_678_901_234_567n + BigInt(random());

  function bytes(count: number): Buffer {
    const block = Buffer.alloc(Math.min(Math.ceil(count / 4) * 4, BLOCK_BYTES));
    for (let at = 0; at < block.length; at += 4) block.writeUInt32LE(random(), at);
    return count <= block.length ? block.subarray(0, count) : Buffer.alloc(count, block);
  }
  const hex = (digits: number) => bytes(digits / 2).toString('hex');
  const seal = (botSerial: number, userSerial: number, n: number) =>
    createRandom(seed ^ Math.imul(botSerial, 0x9e3779b1) ^ Math.imul(userSerial, 0x85ebca6b) ^ n)().toString(
      36,
    );

  return {
    messageId() {
      lastMessageId += 1n + BigInt(random() & 0x3f);
      return lastMessageId.toString();
    },
    botId: () => `${hex(12)}@im.bot`,
    botToken: (botId) => `${botId}:${hex(40)}`,
    userId() {
      let id = 'o9cq80';
      for (let i = 0; i < 22; i++) id += ALPHABET[random() % ALPHABET.length];
      return `${id}@im.wechat`;
    },
    qrcode: () => `q_${hex(32)}`,
    cdnParam: () => Buffer.concat([Buffer.from('fbff', 'hex'), bytes(44)]).toString('base64'),
    ticket: () => bytes(24).toString('base64'),
    bytes,
    contextToken: (botSerial, userSerial, n) =>
      Buffer.from(`ctx.${botSerial}.${userSerial}.${n}.${seal(botSerial, userSerial, n)}`).toString('base64'),
    readContextToken(token, botSerial, userSerial) {
      const [kind, bot, user, text, mac] = Buffer.from(token, 'base64').toString('latin1').split('.');
      const n = Number(text);
      if (kind !== 'ctx' || Number(bot) !== botSerial || Number(user) !== userSerial) return null;
      return Number.isSafeInteger(n) && n > 0 && mac === seal(botSerial, userSerial, n) ? n : null;
    },
  };
}
