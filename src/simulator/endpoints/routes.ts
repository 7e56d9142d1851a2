import type { Endpoint } from '../world/fault-kinds.ts';
import { download, getUploadUrl, upload } from './cdn.ts';
import type { Handler } from './handler.ts';
import { getQrCode, getQrStatus } from './login.ts';
import { sendMessage } from './sending.ts';
import { getConfig, notifyStart, notifyStop, sendTyping } from './typing.ts';
import { getUpdates } from './updates.ts';

/** How one path is served. */
export interface Route {
  endpoint: Endpoint;
  handler: Handler;
  methods: readonly string[];
  /** Whether a live token must come with it (protocol 1.2). */
  needsBot: boolean;
  /** Whether its body is bytes, not JSON. */
  binary: boolean;
}

const OPEN = { methods: ['GET', 'POST'], needsBot: false, binary: false };
const FOR_BOTS = { methods: ['POST'], needsBot: true, binary: false };
const ON_CDN = { needsBot: false, binary: true };

/** Every path of the iLink API and the CDN; all others are 404. */
export const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/ilink/bot/get_bot_qrcode', { endpoint: 'get_bot_qrcode', handler: getQrCode, ...OPEN }],
  ['/ilink/bot/get_qrcode_status', { endpoint: 'get_qrcode_status', handler: getQrStatus, ...OPEN }],
  ['/ilink/bot/getupdates', { endpoint: 'getupdates', handler: getUpdates, ...FOR_BOTS }],
  ['/ilink/bot/sendmessage', { endpoint: 'sendmessage', handler: sendMessage, ...FOR_BOTS }],
  ['/ilink/bot/getuploadurl', { endpoint: 'getuploadurl', handler: getUploadUrl, ...FOR_BOTS }],
  ['/ilink/bot/getconfig', { endpoint: 'getconfig', handler: getConfig, ...FOR_BOTS }],
  ['/ilink/bot/sendtyping', { endpoint: 'sendtyping', handler: sendTyping, ...FOR_BOTS }],
  ['/ilink/bot/msg/notifystart', { endpoint: 'notifystart', handler: notifyStart, ...FOR_BOTS }],
  ['/ilink/bot/msg/notifystop', { endpoint: 'notifystop', handler: notifyStop, ...FOR_BOTS }],
  ['/c2c/upload', { endpoint: 'upload', handler: upload, methods: ['POST'], ...ON_CDN }],
  ['/c2c/download', { endpoint: 'download', handler: download, methods: ['GET'], ...ON_CDN }],
]);
