import { WxError } from '../../core/errors.ts';
import { decodeMediaKey } from '../../core/message/media-key.ts';
import { decryptMedia } from '../../media/cipher.ts';
import {
  confirmQr,
  enterCode,
  expireQr,
  FINAL,
  isFinal,
  type ScanOptions,
  scanQr,
  statusOf,
} from '../endpoints/qr.ts';
import { readFault } from '../http/fault-rules.ts';
import { type UserMessage, type Written, writeMessage, writeRaw } from '../phone/writing.ts';
import { bindBot, botFor, killBot } from '../queue/bots.ts';
import type { FaultInput, FaultRule } from '../world/fault-kinds.ts';
import { peerOf } from '../world/peers.ts';
import { type TypingView, typingNow } from '../world/phone.ts';
import { changeSettings, type Settings } from '../world/settings.ts';
import { now, ownerOf, type Qr, type Shown, type World } from '../world/world.ts';
import {
  type BotView,
  type ContactView,
  type LostMessage,
  lostMessages,
  type RequestView,
  type StateView,
  type Stats,
  seenRequests,
  stateOf,
  statsOf,
  viewOf,
} from './views.ts';

/** Which part of the transcript to show. */
export interface PhoneQuery {
  user?: string;
  /** Only lines with a larger number. */
  after?: number;
  /** Also what is hidden from the user (dropped, voice). */
  all?: boolean;
}

/** What the phones show. */
export interface PhoneView {
  shown: Shown[];
  typing: TypingView[];
  /** The `after` for the next question. */
  last: number;
}

/** Everything that can be done to the simulator; the HTTP controls are these, one to one (docs/simulator.md). */
export interface SimulatorControl {
  message(input: UserMessage): Written;
  /** Several messages, in order. */
  messages(inputs: UserMessage[]): Written[];
  /** The text of a message of the wire as it is, whatever it is, to the bot named or the newest. */
  raw(text: string, bot?: string): { bot: string | null };
  /** The newest waiting QR, or the one named, is scanned, and confirmed unless `confirm` is false. */
  scan(options?: ScanOptions & { qrcode?: string }): { qrcode: string; status: string };
  /** Confirms a scan that was left unconfirmed. */
  confirm(): { qrcode: string; status: string };
  /** The person refuses; the QR dies. */
  refuse(): { qrcode: string; status: string };
  /** The QR's time is over. */
  expire(): { qrcode: string; status: string };
  /** Enters the digits in place of the client. */
  verify(code: string): { qrcode: string; status: string };
  /** A bot without a login: its credentials. */
  createBot(user?: string): { token: string; id: string; user: string };
  /** Kills a token: -14 from now on. The user's bot, the one named, or the newest. */
  kill(which?: { user?: string; bot?: string }): BotView;
  bots(): BotView[];
  /** Which world this is: another one after every reset. */
  world(): string;
  /** All that is now beside the messages. */
  state(): StateView;
  /** How many messages a user's bot may send before that user writes again. */
  setBudget(left: number, user?: string): ContactView;
  /** Moves the simulator's clock forward; returns its new time. */
  advance(ms: number): number;
  settings(): Settings;
  changeSettings(patch: Partial<Settings>): Settings;
  addFault(fault: FaultInput): FaultRule;
  faults(): FaultRule[];
  clearFaults(id?: number): void;
  phone(query?: PhoneQuery): PhoneView;
  /** A message's media, decrypted with the key it names in whatever encoding; null when that does not open it. */
  file(messageId: string): Buffer | null;
  lost(): LostMessage[];
  requests(query?: { endpoint?: string; after?: number }): RequestView[];
  stats(): Stats;
  /** As newly started, same seed, same starting settings; every token and QR is gone. */
  reset(): void;
  /** Calls back for every line of the transcript as it comes; returns how to stop that. */
  onShown(listener: (shown: Shown) => void): () => void;
}

/** The controls of the world that stands at the time of the call. */
export function createControl(current: () => World, reset: () => void): SimulatorControl {
  function openQr(qrcode: string | undefined, wanted: (status: string) => boolean, word: string): Qr {
    const world = current();
    const found = [...world.qrs.values()].findLast(
      (qr) => (qrcode === undefined || qr.qrcode === qrcode) && wanted(statusOf(world, qr)),
    );
    if (!found) throw new WxError('not-found', `no QR code ${word}`);
    return found;
  }
  const endQr = () => {
    const qr = openQr(undefined, (status) => !FINAL.has(status), 'is open');
    expireQr(qr);
    return state(qr);
  };
  const state = (qr: Qr) => ({ qrcode: qr.qrcode, status: qr.status });
  return {
    message: (input) => writeMessage(current(), input),
    messages: (inputs) => inputs.map((input) => writeMessage(current(), input)),
    raw: (text, bot) => writeRaw(current(), text, bot ?? null),
    scan(options = {}) {
      const qr = openQr(options.qrcode, (status) => status === 'wait', 'waits for a scan');
      scanQr(current(), qr, options);
      return state(qr);
    },
    confirm() {
      const qr = openQr(undefined, (status) => status.startsWith('scaned'), 'waits for a confirmation');
      confirmQr(current(), qr);
      return state(qr);
    },
    // Refused or too late, a client is told the same.
    refuse: endQr,
    expire: endQr,
    verify(code) {
      const qr = openQr(undefined, (status) => status === 'need_verifycode', 'waits for a code');
      enterCode(current(), qr, code);
      return state(qr);
    },
    createBot(user) {
      const { token, id, user: owner } = bindBot(current(), user ?? ownerOf(current()));
      return { token, id, user: owner };
    },
    kill(which = {}) {
      const world = current();
      const bot =
        which.user === undefined && which.bot === undefined
          ? world.bots.findLast(({ live }) => live)
          : botFor(world, which.user ?? '', which.bot ?? null);
      if (!bot) throw new WxError('not-found', 'no such live bot');
      killBot(world, bot);
      return viewOf(bot);
    },
    bots: () => current().bots.map(viewOf),
    world: () => current().id,
    state: () => stateOf(current()),
    setBudget(left, user) {
      const world = current();
      const { quota } = world.settings;
      if (!Number.isInteger(left) || left < 0 || left > quota)
        throw new WxError('usage', `left: a whole number from 0 to ${quota}, the setting quota`);
      const name = user ?? ownerOf(world);
      const peer = peerOf(botFor(world, name, null), name);
      if (!peer) throw new WxError('not-found', `${name} has not written to a live bot`);
      peer.sentSinceInbound = quota - left;
      return stateOf(world).contacts.find((contact) => contact.user === name) as ContactView;
    },
    advance(ms) {
      const world = current();
      if (!Number.isSafeInteger(ms) || ms < 0) throw new WxError('usage', 'advanceMs: a whole number from 0');
      world.clockOffsetMs += ms;
      for (const qr of world.qrs.values()) {
        statusOf(world, qr);
        if (isFinal(qr)) for (const wake of [...qr.waiters]) wake();
      }
      return now(world);
    },
    settings: () => ({ ...current().settings }),
    changeSettings(patch) {
      changeSettings(current().settings, patch);
      return { ...current().settings };
    },
    addFault(fault) {
      const world = current();
      const rule = { ...readFault(fault), id: world.nextFaultId++, struck: 0, passed: 0 };
      world.faults.push(rule);
      return { ...rule };
    },
    faults: () => current().faults.map((rule) => ({ ...rule })),
    clearFaults(id) {
      const world = current();
      world.faults = id === undefined ? [] : world.faults.filter((rule) => rule.id !== id);
    },
    phone(query = {}) {
      const world = current();
      const shown = world.transcript
        .after(query.after ?? 0)
        .filter(
          (line) =>
            (query.user === undefined || line.user === query.user) && (query.all || line.hidden === null),
        );
      return { shown, typing: typingNow(world), last: world.transcript.last };
    },
    file(messageId) {
      const world = current();
      const media = world.transcript.after(0).find((line) => line.messageId === messageId)?.media;
      const blob = media ? world.blobs.get(media.param) : undefined;
      const key = media ? decodeMediaKey(media.key) : null;
      if (!blob) return null;
      if (blob.key === null) return blob.cipher;
      if (!key?.equals(blob.key)) return null;
      try {
        return decryptMedia(blob.cipher, key);
      } catch {
        // Accepted although it does not decrypt: `uploadChecks` was `grey`.
        return null;
      }
    },
    lost: () => lostMessages(current()),
    requests: (query = {}) => seenRequests(current(), query.endpoint, query.after ?? 0),
    stats: () => statsOf(current()),
    reset,
    onShown(listener) {
      const { onShown } = current();
      onShown.add(listener);
      return () => onShown.delete(listener);
    },
  };
}
