import type { IncomingHttpHeaders } from 'node:http';

/** What a request shows to say who sends it. */
export type Credential =
  | { kind: 'none' }
  | { kind: 'token'; text: string }
  /** A browser sends it by itself, whatever page asks. */
  | { kind: 'cookie'; value: string };

/**
 * What a request shows. A token counts before a cookie, also one that is none. With another scheme than `Bearer` a browser
 * has signed in at a proxy in front: that is not for us.
 */
export function credentialOf({ authorization, cookie }: IncomingHttpHeaders, cookieName: string): Credential {
  if (authorization !== undefined && /^\s*bearer\b/i.test(authorization))
    return { kind: 'token', text: /^bearer +(\S+)$/i.exec(authorization.trim())?.[1] ?? '' };
  for (const pair of (cookie ?? '').split(';')) {
    const [name = '', ...value] = pair.split('=');
    if (name.trim() === cookieName) return { kind: 'cookie', value: value.join('=').trim() };
  }
  return { kind: 'none' };
}

/** The cookie of a session, for as long as it may rest unused. */
export function sessionCookie(name: string, value: string, isSecure: boolean): string {
  const age = 7 * 24 * 3_600;
  return `${name}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}

/** What takes the cookie away. */
export function endedCookie(name: string): string {
  return `${name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`;
}
