import { WxError } from '../../../core/errors.ts';
import type { Environment } from '../../child/environment.ts';

/** A header of `--header`. */
export type Header = readonly [name: string, value: string];

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t -~\u0080-\u00ff]*$/;

/** Headers that describe the connection or the body; the HTTP client writes them. */
const RESERVED = /^(connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade)$/i;

/**
 * Parses one `--header 'Name: value'`; `${VAR}` in the value comes from the environment,
 * so that a secret need not stand in the command line. Throws WxError 'usage'
 * (64); no message repeats a value.
 */
export function parseHeader(text: string, environment: Environment): Header {
  const colon = text.indexOf(':');
  const name = text.slice(0, colon).trim();
  if (colon < 1 || !HEADER_NAME.test(name)) {
    throw new WxError('usage', '--header needs a name, a colon and a value', {
      hint: "--header 'Name: value'",
    });
  }
  if (RESERVED.test(name)) throw new WxError('usage', `--header cannot set ${name}`);
  const value = text
    .slice(colon + 1)
    .trim()
    .replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, variable: string) => {
      const found = environment[variable];
      if (found !== undefined) return found;
      throw new WxError('usage', `--header ${name} uses \${${variable}}, which is not set`, {
        hint: `export ${variable}=...`,
      });
    })
    .trim();
  if (!HEADER_VALUE.test(value)) {
    throw new WxError('usage', `the value of --header ${name} has characters no header can carry`);
  }
  return [name, value];
}

/** Checks the URL of `--http`; user and password in it must be decodable. Throws WxError 'usage' (64). */
export function parseAgentUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    !/%(?![0-9a-f]{2})/i.test(url.username + url.password)
  ) {
    return url;
  }
  throw new WxError('usage', `"${text}" is not an http or https URL`, {
    hint: '--http http://127.0.0.1:8000/wechat',
  });
}
