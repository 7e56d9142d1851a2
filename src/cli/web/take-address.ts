import { readFile } from 'node:fs/promises';
import { reasonOf, WxError } from '../../core/errors.ts';
import type { Certificate } from '../../core/http/certificate.ts';
import {
  isReachable,
  namesOf,
  parseListen,
  parsePublicUrl,
  parseTrustedProxies,
} from '../../web/guard/listen-address.ts';
import type { WebSettings } from '../../web/handle-requests.ts';
import { type Listening, takePort } from '../../web/take-port.ts';
import type { CommandContext } from '../port/context.ts';

/** An address that is taken: what is asked there waits until it is opened (open-web.ts). */
export interface TakenAddress {
  listening: Listening;
  settings: WebSettings;
  /** Says where it is. */
  tell(): void;
}

/**
 * Checks what the web server is told, and takes its port. Throws WxError before anything is served. A runner does this
 * before its first poll, so nothing is loaded here that only answers need.
 */
export async function takeAddress(
  context: CommandContext,
  address: string,
  flag: string,
): Promise<TakenAddress> {
  const { publicUrl, trustProxy, tlsCert, tlsKey } = context.settings;
  const listen = parseListen(address, flag);
  const publicOrigin = publicUrl === null ? null : parsePublicUrl(publicUrl);
  const trusted = parseTrustedProxies(trustProxy);
  const certificate = await readCertificate(tlsCert, tlsKey);
  const listening = await takePort(listen, certificate, flag);
  const { url } = listening;
  if (isReachable(listen) && certificate === null && publicOrigin === null)
    context.log.warn(
      `${url} is open to the network without encryption: whoever is in between reads tokens and messages`,
    );
  const settings: WebSettings = {
    isNamed: namesOf(listen, publicOrigin, certificate),
    publicOrigin,
    trusted,
  };
  return {
    listening,
    settings,
    tell: () => context.log.info(`the page and the API are at ${publicOrigin ?? url}`),
  };
}

async function readCertificate(certPath: string | null, keyPath: string | null): Promise<Certificate | null> {
  if (certPath === null && keyPath === null) return null;
  const { certificateFiles, checkCertificate } = await import('../../core/http/certificate.ts');
  const files = certificateFiles(certPath, keyPath, 'wxagent web');
  if (files === null) return null;
  const [cert, key] = [await readPem('certificate', files.cert), await readPem('key', files.key)];
  return checkCertificate({ cert, key }, files);
}

async function readPem(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new WxError('not-found', `the ${what} ${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
