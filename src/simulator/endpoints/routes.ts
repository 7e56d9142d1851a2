import type { Endpoint } from '../world/fault.ts';
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

const open = (endpoint: Endpoint, handler: Handler): Route => ({
  endpoint,
  handler,
  methods: ['GET', 'POST'],
  needsBot: false,
  binary: false,
});
const forBots = (endpoint: Endpoint, handler: Handler): Route => ({
  endpoint,
  handler,
  methods: ['POST'],
  needsBot: true,
  binary: false,
});
const onCdn = (endpoint: Endpoint, handler: Handler, method: string): Route => ({
  endpoint,
  handler,
  methods: [method],
  needsBot: false,
  binary: true,
});

/** Every path of the iLink API and the CDN; all others are 404. */
export const ROUTES: ReadonlyMap<string, Route> = new Map([
  ['/ilink/bot/get_bot_qrcode', open('get_bot_qrcode', getQrCode)],
  ['/ilink/bot/get_qrcode_status', open('get_qrcode_status', getQrStatus)],
  ['/ilink/bot/getupdates', forBots('getupdates', getUpdates)],
  ['/ilink/bot/sendmessage', forBots('sendmessage', sendMessage)],
  ['/ilink/bot/getuploadurl', forBots('getuploadurl', getUploadUrl)],
  ['/ilink/bot/getconfig', forBots('getconfig', getConfig)],
  ['/ilink/bot/sendtyping', forBots('sendtyping', sendTyping)],
  ['/ilink/bot/msg/notifystart', forBots('notifystart', notifyStart)],
  ['/ilink/bot/msg/notifystop', forBots('notifystop', notifyStop)],
  ['/c2c/upload', onCdn('upload', upload, 'POST')],
  ['/c2c/download', onCdn('download', download, 'GET')],
]);
