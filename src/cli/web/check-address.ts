import { readFile } from 'node:fs/promises';
import { reasonOf, WxError } from '../../core/errors.ts';
import type { Certificate } from '../../core/http/certificate.ts';
import {
  type ListenAddress,
  namesOf,
  parseListen,
  parsePublicUrl,
  parseTrustedProxies,
} from '../../web/guard/listen-address.ts';
import type { WebSettings } from '../../web/handle-requests.ts';
import type { CommandContext } from '../port/context.ts';

/** Where the web server is to listen, and how it answers there. */
export interface CheckedAddress {
  listen: ListenAddress;
  certificate: Certificate | null;
  settings: WebSettings;
  /** What a hint calls the flag of the address. */
  flag: string;
}

/** Checks what the web server is told. Throws WxError. A runner does this before its first poll, so it loads little. */
export async function checkAddress(
  context: CommandContext,
  address: string,
  flag: string,
): Promise<CheckedAddress> {
  const { publicUrl, trustProxy, tlsCert, tlsKey } = context.settings;
  const listen = parseListen(address, flag);
  const publicOrigin = publicUrl === null ? null : parsePublicUrl(publicUrl);
  const trusted = parseTrustedProxies(trustProxy);
  const certificate = await readCertificate(tlsCert, tlsKey);
  const settings = { isNamed: namesOf(listen, publicOrigin, certificate), publicOrigin, trusted };
  return { listen, certificate, settings, flag };
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
