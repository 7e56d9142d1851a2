import { bindBot } from '../queue/bots.ts';
import { keepNewest, later, now, ownerOf, type Qr, type World } from '../world/world.ts';

/** Statuses that never change again (protocol 2.2). */
export const FINAL: ReadonlySet<string> = new Set([
  'confirmed',
  'expired',
  'verify_code_blocked',
  'binded_redirect',
]);
const QR_LIMIT = 1_000;

/** How a phone scans; what is left out comes from the settings. */
export interface ScanOptions {
  /** Who scans; the owner when absent. */
  user?: string | undefined;
  /** Digits the client must send; null for none. */
  verifyCode?: string | null | undefined;
  /** Named once with `scaned_but_redirect`. */
  redirectHost?: string | null | undefined;
  /** Whether the phone goes on to confirm (default) or stays at `scaned`. */
  confirm?: boolean | undefined;
}

/** A new QR code, scanning itself later if the settings say so. */
export function newQr(world: World, localTokens: string[]): Qr {
  const qr: Qr = {
    qrcode: world.ids.qrcode(),
    createdMs: now(world),
    localTokens,
    status: 'wait',
    told: 'wait',
    user: ownerOf(world),
    verifyCode: null,
    wrongCodes: 0,
    redirectHost: null,
    confirms: true,
    bot: null,
    waiters: new Set(),
  };
  world.qrs.set(qr.qrcode, qr);
  keepNewest(world.qrs, QR_LIMIT);
  if (world.settings.scan === 'auto') {
    later(world, world.settings.scanDelayMs, () => {
      if (statusOf(world, qr) === 'wait') scanQr(world, qr, {});
    });
  }
  return qr;
}

/** The status as of now: a QR that was not finished in time is expired. */
export function statusOf(world: World, qr: Qr): string {
  if (!isFinal(qr) && now(world) - qr.createdMs >= world.settings.qrLifetimeMs) qr.status = 'expired';
  return qr.status;
}

/** Whether nothing can happen to this QR any more. */
export function isFinal(qr: Qr): boolean {
  return FINAL.has(qr.status);
}

/** What the QR code says: the address the phone opens. */
export function urlOf(qr: Qr): string {
  return `https://liteapp.weixin.qq.com/q/7GiQu1?qrcode=${qr.qrcode}&bot_type=3`;
}

/** The phone scans a waiting QR. */
export function scanQr(world: World, qr: Qr, options: ScanOptions): void {
  const { settings } = world;
  qr.user = options.user ?? ownerOf(world);
  qr.verifyCode = options.verifyCode === undefined ? settings.verifyCode : options.verifyCode;
  qr.redirectHost = options.redirectHost === undefined ? settings.redirectHost : options.redirectHost;
  qr.confirms = options.confirm ?? true;
  if (qr.verifyCode === null) accepted(qr);
  else move(qr, 'need_verifycode');
}

/** Digits reached the server; the right ones let the scan go on, wrong ones are counted (protocol 2.2). */
export function enterCode(world: World, qr: Qr, code: string): void {
  if (qr.status !== 'need_verifycode') return;
  if (code === qr.verifyCode) {
    accepted(qr);
    return;
  }
  qr.wrongCodes += 1;
  // Told anew: the same status once more is how a client learns that the code was wrong.
  qr.told = '';
  move(qr, qr.wrongCodes >= world.settings.verifyTries ? 'verify_code_blocked' : 'need_verifycode');
}

/** The phone confirms: a new bot, or the news that one of the client's tokens is already this user's. */
export function confirmQr(world: World, qr: Qr): void {
  if (isFinal(qr)) return;
  const known = qr.localTokens.some((token) => world.botsByToken.get(token)?.user === qr.user);
  if (!(known && world.settings.bindedRedirect)) qr.bot = bindBot(world, qr.user);
  move(qr, qr.bot ? 'confirmed' : 'binded_redirect');
}

/** The QR dies: refused on the phone, or its time is over. */
export function expireQr(qr: Qr): void {
  if (!isFinal(qr)) move(qr, 'expired');
}

function accepted(qr: Qr): void {
  move(qr, qr.redirectHost === null ? 'scaned' : 'scaned_but_redirect');
}

function move(qr: Qr, status: string): void {
  qr.status = status;
  for (const wake of [...qr.waiters]) wake();
}
