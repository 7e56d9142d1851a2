import { randomInt } from 'node:crypto';
import { PLAIN_ENCODING } from '../../core/http/content-encoding.ts';

/** What every request says about its sender: headers and `base_info` (protocol 1.2, 1.3). */

/** Value of `iLink-App-Id` (protocol 1.2). */
const APP_ID = 'bot';

/** `iLink-App-ClientVersion`: `0x00MMNNPP` as a number, each part cut to 8 bits, missing ones 0 (protocol 1.2). */
export function clientVersionNumber(version: string): number {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return ((major & 255) << 16) | ((minor & 255) << 8) | (patch & 255);
}

/** `X-WECHAT-UIN`: the decimal digits of a uint32 in base64 (protocol 1.2). */
export function wechatUin(uint32: number): string {
  return Buffer.from(String(uint32), 'ascii').toString('base64');
}

/** `base_info` of every authenticated POST; the version is cut to what the grammar of `bot_agent` allows (protocol 1.3). */
export function baseInfo(version: string): { channel_version: string; bot_agent: string } {
  const product = version.replace(/[^A-Za-z0-9_.+-]/g, '-').slice(0, 32) || '0';
  return { channel_version: version, bot_agent: `wxagent/${product}` };
}

/** Headers of a status GET: no token, no content (protocol 1.2). */
export function getHeaders(version: string): Record<string, string> {
  return {
    ...PLAIN_ENCODING,
    'iLink-App-Id': APP_ID,
    'iLink-App-ClientVersion': String(clientVersionNumber(version)),
  };
}

/** Makes the headers of a POST; `token` null before a login. `X-WECHAT-UIN` is drawn anew each time (protocol 1.2). */
export function createPostHeaders(version: string, token: string | null): () => Record<string, string> {
  const constant: Record<string, string> = {
    ...getHeaders(version),
    'Content-Type': 'application/json',
    AuthorizationType: 'ilink_bot_token',
  };
  if (token !== null) constant.Authorization = `Bearer ${token}`;
  return () => Object.assign({}, constant, { 'X-WECHAT-UIN': wechatUin(randomInt(2 ** 32)) });
}
