import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import type { ClientConfig } from 'pg';
import { WxError } from '../core/errors.ts';
import type { Place, ServerAddress, TlsMode } from './server-address.ts';
import type { Parameter } from './url-parameters.ts';

/** What the client is told about TLS. Throws WxError `config` for certificates that cannot be used. */
export function tlsOptions({ host }: Place, address: ServerAddress, tls: TlsMode): ClientConfig['ssl'] {
  const { rootCertificate, clientCertificate } = address.with;
  if (tls === 'disable') return false;
  const own = clientCertificate && {
    cert: certificates('sslcert', clientCertificate.certificate),
    key: certificates('sslkey', clientCertificate.key),
  };
  if (tls === 'prefer' || tls === 'require') return { ...own, rejectUnauthorized: false };
  return {
    ...own,
    rejectUnauthorized: true,
    ...(rootCertificate === null ? {} : { ca: certificates('sslrootcert', rootCertificate) }),
    checkServerIdentity: (_, certificate) =>
      tls === 'verify-ca' ? undefined : checkServerIdentity(host, certificate),
  };
}

function certificates(parameter: Parameter, path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new WxError('config', `cannot read ${path}, the ${parameter} of the store`, {
      hint: `ls -l ${path}`,
      cause,
    });
  }
  if (bytes.includes('-----BEGIN ')) return bytes;
  throw new WxError('config', `${path}, the ${parameter} of the store, has nothing in PEM`, {
    hint: `it begins with -----BEGIN: head -1 ${path}`,
  });
}

/** How what goes over a socket is encrypted; null: not at all. */
export function cipherOf(stream: Socket): string | null {
  return stream instanceof TLSSocket ? `${stream.getProtocol()}, ${stream.getCipher().standardName}` : null;
}
