import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { reasonOf, WxError } from '../errors.ts';
import { plainHost } from './this-machine.ts';

/** A certificate and its key in PEM, as a server of ours uses them. */
export interface Certificate {
  cert: string;
  key: string;
  /** Whether it is for this host name or address. */
  isFor(hostname: string): boolean;
}

/** The two files of a certificate, or null where none is named. Throws WxError `usage` for half of it. */
export function certificateFiles(
  cert: string | null,
  key: string | null,
  example: string,
): { cert: string; key: string } | null {
  if (cert === null && key === null) return null;
  if (cert !== null && key !== null) return { cert, key };
  throw new WxError('usage', `--tls-${key === null ? 'cert' : 'key'} needs the other half`, {
    hint: `${example} --tls-cert cert.pem --tls-key key.pem`,
  });
}

/** Checks what the two files hold. Throws WxError `usage` for what is no certificate, or not its key. */
export function checkCertificate(
  { cert, key }: { cert: string; key: string },
  files: { cert: string; key: string },
): Certificate {
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ cert, key });
    const certificate = new X509Certificate(cert);
    // A context takes an RSA key beside an EC certificate, and then serves nobody.
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key is that of another certificate');
    return {
      cert,
      key,
      isFor(hostname) {
        const host = plainHost(hostname);
        const found = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
        return found !== undefined;
      },
    };
  } catch (thrown) {
    throw new WxError(
      'usage',
      `${files.cert} and ${files.key} are not a certificate and its key: ${reasonOf(thrown)}`,
      { hint: 'both in PEM, the key without a password', cause: thrown },
    );
  }
}
