import { randomUUID } from 'node:crypto';
import type { Answer, WireResult } from './answer.ts';
import type { FaultRule } from './fault-kinds.ts';
import { createIds, createRandom, type Ids } from './ids.ts';
import type { WireMessage } from './message-json.ts';
import { createNumberedList, type NumberedList } from './numbered-list.ts';
import { changeSettings, defaultSettings, type Settings } from './settings.ts';

/** A message on its way to a bot: what the server holds of it. */
export interface Inbound {
  /** The message in wire names, without `seq`; ids are strings here. */
  message: WireMessage;
  /** Its JSON as it will be handed out. */
  json: Buffer;
  /** The text it was given as, when it was not built. */
  raw: string | null;
}

/** Messages given out in one response, until a poll comes with that response's cursor. */
export interface Batch {
  /** The queue number of its last message. */
  last: number;
  messages: WireMessage[];
  wireResult: WireResult;
  timeMs: number;
}

/** What a bot and one user have between them (protocol 15). */
export interface Peer {
  user: string;
  serial: number;
  contextTokens: number;
  sentSinceInbound: number;
  lastInboundMs: number;
  ticket: { text: string; timeMs: number } | null;
  typing: { sinceMs: number; lastMs: number; requests: number } | null;
}

/** A poll that waits for a message. */
export interface Waiter {
  answer(answer: Answer): void;
  /** The queue number its cursor stands for. */
  cursor: number;
}

export interface Bot {
  id: string;
  token: string;
  user: string;
  serial: number;
  live: boolean;
  /** Between `notifystart` and `notifystop` (protocol 7). */
  announced: boolean;
  /** When that began. */
  announcedMs: number;
  /** When it last sent or got a message, or was woken. */
  activeMs: number;
  /** Asleep, or told to wake and not polling yet; see `loginIdleMs`. */
  sleep: 'awake' | 'asleep' | 'waking';
  queue: NumberedList<Inbound>;
  /** The highest queue number ever handed out. */
  handedOut: number;
  /** The time in the last cursor, moved on where two answers share a millisecond: makes every cursor a new one. */
  cursorMs: number;
  waiters: Set<Waiter>;
  /** By cursor. */
  batches: Map<string, Batch>;
  peers: Map<string, Peer>;
  /** Times of the last accepted sends, newest last; as many as the burst rule looks at. */
  recentSends: number[];
  penaltyEndsMs: number;
  /** Accepted sends by `client_id`. */
  clientIds: Map<string, { messageId: string; state: number }>;
}

/** A QR code and how far its scan has come (protocol 2.2). */
export interface Qr {
  qrcode: string;
  createdMs: number;
  localTokens: string[];
  status: string;
  /** The last status a poll was told. */
  told: string;
  user: string;
  verifyCode: string | null;
  wrongCodes: number;
  redirectHost: string | null;
  /** Whether the phone confirms by itself once the client knows of the scan. */
  confirms: boolean;
  bot: Bot | null;
  waiters: Set<() => void>;
}

/** An announced upload (protocol 5.1). */
export interface Upload {
  filekey: string;
  key: Buffer;
  rawSize: number;
  rawMd5: string;
  fileSize: number;
  downloadParam: string;
}

/** Bytes on the CDN. */
export interface Blob {
  cipher: Buffer;
  key: Buffer | null;
  rawSize: number;
  rawMd5: string;
  /** Why the phone cannot show it, or null. */
  flaw: string | null;
}

/** One line of the transcript: what a phone shows, in the order the server received it. */
export interface Shown {
  n: number;
  timeMs: number;
  user: string;
  bot: string | null;
  from: 'user' | 'bot';
  kind: 'text' | 'image' | 'voice' | 'file' | 'video' | 'tool' | 'other';
  text: string;
  fileName: string | null;
  /** Plain size of a file, as far as it is known. */
  sizeBytes: number | null;
  /** Why the phone shows a grey placeholder instead of the media; null when it does not. */
  grey: string | null;
  /** Why nothing of it is to be seen: `dropped`, `voice`, `limit`; null when it is shown. */
  hidden: string | null;
  clientId: string | null;
  messageId: string | null;
  runId: string | null;
  /** `messageId` of what a user's message quotes. */
  quote: string | null;
  /** `message_state`; 1 is a message that was never finished (protocol 4.4). */
  state: number;
  /** CDN parameter and key as the message named them. */
  media: { param: string; key: string } | null;
}

/** A request as `/_sim/requests` remembers it. */
export interface SeenRequest {
  n: number;
  timeMs: number;
  endpoint: string;
  method: string;
  search: string;
  headers: Record<string, string | string[] | undefined>;
  bot: string | null;
  body: unknown;
  sizeBytes: number;
  fault: string | null;
  /** The cursor that a poll was answered with, whether that arrived or not; null before, and for everything else. */
  answered: string | null;
}

/** Everything the simulator knows. One object, thrown away whole on a reset. */
export interface World {
  /** Never that of another world, also of the same seed. */
  id: string;
  seed: number;
  settings: Settings;
  ids: Ids;
  rollFault: () => number;
  /** Where the API and the CDN are, as a client last called the API. */
  baseUrl: string;
  cdnUrl: string;
  owner: string;
  /** Milliseconds the clock was advanced. */
  clockOffsetMs: number;
  bots: Bot[];
  botsByToken: Map<string, Bot>;
  qrs: Map<string, Qr>;
  /** Written while the user had no bot. */
  pending: { user: string; message: WireMessage; raw: string | null }[];
  uploads: Map<string, Upload>;
  blobs: Map<string, Blob>;
  blobBytes: number;
  /** Download parameters of what users sent, by md5: for `staleBlobs`. */
  sentFiles: Map<string, string>;
  faults: FaultRule[];
  nextFaultId: number;
  transcript: NumberedList<Shown>;
  requests: NumberedList<SeenRequest>;
  counts: Map<string, number>;
  onShown: Set<(shown: Shown) => void>;
  timers: Set<NodeJS.Timeout>;
}

/** An empty world; `settings` is the patch it was started with. */
export function createWorld(seed: number, baseUrl: string, cdnUrl: string, patch: object): World {
  const settings = defaultSettings();
  changeSettings(settings, patch);
  const ids = createIds(seed);
  return {
    id: randomUUID(),
    seed,
    settings,
    ids,
    // Its own stream: an id more or less must not move the faults.
    rollFault: createRandom(seed ^ 0x5bd1e995),
    baseUrl,
    cdnUrl,
    owner: ids.userId(),
    clockOffsetMs: 0,
    bots: [],
    botsByToken: new Map(),
    qrs: new Map(),
    pending: [],
    uploads: new Map(),
    blobs: new Map(),
    blobBytes: 0,
    sentFiles: new Map(),
    faults: [],
    nextFaultId: 1,
    transcript: createNumberedList(() => settings.transcriptLimit),
    requests: createNumberedList(() => settings.requestLimit),
    counts: new Map(),
    onShown: new Set(),
    timers: new Set(),
  };
}

/** The simulator's time. */
export function now(world: World): number {
  return Date.now() + world.clockOffsetMs;
}

export function newMessageId(world: World): string {
  return world.ids.messageId(world.settings.idSteps, now(world));
}

/** What the items of a message are called (protocol 15a). */
export function itemIdOf(world: World, messageId: string): string | undefined {
  switch (world.settings.itemIds) {
    case 'v1':
      return world.ids.itemId();
    case 'digits':
      return messageId;
    case 'missing':
      return undefined;
  }
}

/** The user meant when nobody is named. */
export function ownerOf(world: World): string {
  return world.settings.owner || world.owner;
}

/** Adds to a figure of `/_sim/stats`. */
export function count(world: World, name: string, by = 1): void {
  world.counts.set(name, (world.counts.get(name) ?? 0) + by);
}

/** Node would let a longer one end at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Runs `task` in real milliseconds unless the world ends before. */
export function later(world: World, ms: number, task: () => void): NodeJS.Timeout {
  const timer = setTimeout(
    () => {
      world.timers.delete(timer);
      task();
    },
    Math.min(ms, LONGEST_TIMER_MS),
  );
  world.timers.add(timer);
  return timer;
}

/** Takes back a {@link later}. */
export function never(world: World, timer: NodeJS.Timeout): void {
  clearTimeout(timer);
  world.timers.delete(timer);
}

/** Keeps the newest `limit` entries of a map that remembers insertion order. */
export function keepNewest<K, V>(map: Map<K, V>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return;
    map.delete(key);
  }
}
