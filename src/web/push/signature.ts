import { createHmac, type Hmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { digestOf, isSame } from '../access/secrets.ts';
import type { Body } from '../api/body.ts';
import { basicPassword } from './port/credentials.ts';

/**
 * How services show that a push is from them, as their documents have it: `X-Hub-Signature-256` of
 * docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries; that of Bitbucket, which has SHA-256 under the older
 * name; of docs.gitea.com/usage/webhooks, Forgejo and Gogs; of docs.sentry.io/integrations/integration-platform/webhooks.
 * The value is the HMAC-SHA256 of the body in hex.
 */
const OF_BODY = [
  ...['x-hub-signature-256', 'x-hub-signature'],
  ...['x-gitea-signature', 'x-forgejo-signature', 'x-gogs-signature', 'sentry-hook-signature'],
];

/** The same of Grafana (`http/hmac.go` of github.com/grafana/alerting), which can sign `<time>:<body>`. */
const OF_GRAFANA = ['x-grafana-alerting-signature', 'x-grafana-alert-signature'];
/** The time of Grafana's signature; which header has it is a setting of Grafana. */
const GRAFANA_TIME = 'x-grafana-alerting-timestamp';

/** Standard Webhooks 1.0 (github.com/standard-webhooks), which GitLab has, and Svix under names of its own. */
const STANDARD = ['webhook', 'svix'];
const STANDARD_SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/** So far the time of a signature may be from ours. */
const WINDOW_MS = 5 * 60_000;

/** How the body of a signature with a time begins, if the body counts as what was signed. */
const LIKE_TIMED = /^\d{10}:/;
const LIKE_TIMED_BYTES = 11;

/** A signature that came, until the body was read. */
interface Claim {
  hmac: Hmac;
  given: Buffer[];
  /** Only the body is signed. */
  isOfBody: boolean;
  /** By which it is known again, when it is right: the same signature, or delivery, comes once. */
  idOf(digest: Buffer): string | null;
}

/** What a push shows of the secret of its source. */
export interface Proof {
  /** The ID that was signed with the body; null: none was. Known when the body is read. */
  readonly id: string | null;
  /** Checks a body that was read. Throws what `refuse` makes. */
  check(bytes: Uint8Array): void;
  /** The same body; its end is an error if the signature is not that of all that came. */
  checked(body: Body): Body;
}

/** Makes the error of a push that is not signed as it has to be. */
export type Refuse = (why: string) => Error;

/** Reads what a push shows of a secret. Throws what `refuse` makes when it shows nothing, or something too old. */
export function readProof(
  headers: IncomingHttpHeaders,
  secret: string,
  { nowMs, refuse }: { nowMs: number; refuse: Refuse },
): Proof {
  // The secret itself, of services that cannot sign.
  if (shownSecrets(headers).some((shown) => isSame(digestOf(shown), digestOf(secret))))
    return { id: null, check() {}, checked: (body) => body };
  const { claims, whyNone } = claimsOf(headers, secret, nowMs);
  if (claims.length === 0) throw refuse(whyNone);
  let head = '';
  let sizeBytes = 0;
  let id: string | null = null;

  function add(chunk: Uint8Array): void {
    if (head.length < LIKE_TIMED_BYTES)
      head += Buffer.from(chunk.subarray(0, LIKE_TIMED_BYTES)).toString('latin1');
    sizeBytes += chunk.length;
    for (const { hmac } of claims) hmac.update(chunk);
  }

  function end(): void {
    // Whoever has seen one request without a body could say anything in the address of the next.
    if (sizeBytes === 0) throw refuse('a signature is that of a body, and there is none');
    // A signature with a time, without its header: with the time as a part of the body, it would be good for ever.
    const isUntimed = LIKE_TIMED.test(head);
    const ids = claims
      .filter(({ isOfBody }) => !(isOfBody && isUntimed))
      .flatMap(({ hmac, given, idOf }) => {
        const wanted = hmac.digest();
        return given.some((one) => timingSafeEqual(one, wanted)) ? [idOf(wanted)] : [];
      });
    if (ids.length === 0)
      throw refuse('the signature is not that of this body with the secret of the source');
    id = ids.find((one) => one !== null) ?? null;
  }

  async function* passed(body: Body): AsyncGenerator<Buffer, void, undefined> {
    // Who stops reading still has an answer to send.
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      add(chunk as Buffer);
      yield chunk as Buffer;
    }
    end();
  }

  return {
    get id() {
      return id;
    },
    check(bytes) {
      add(bytes);
      end();
    },
    checked(body) {
      const stream = Readable.from(passed(body), { objectMode: false });
      // Who reads it hears of it as well.
      stream.on('error', () => {});
      return Object.assign(stream, { headers: body.headers });
    },
  };
}

/** What stands where services send a secret as it is: `X-Gitlab-Token`, and `http_config` of Alertmanager. */
function shownSecrets({ authorization = '', 'x-gitlab-token': token }: IncomingHttpHeaders): string[] {
  const bearer = /^\s*bearer\s+(.*?)\s*$/i.exec(authorization)?.[1];
  const inHeaders = [bearer, token].filter((one) => typeof one === 'string');
  const password = basicPassword(authorization);
  return [
    // Bytes of UTF-8 come one by one.
    ...inHeaders.map((one) => Buffer.from(one, 'latin1').toString('utf8')),
    ...(password === null ? [] : [password]),
  ];
}

function claimsOf(
  headers: IncomingHttpHeaders,
  secret: string,
  nowMs: number,
): { claims: Claim[]; whyNone: string } {
  const textOf = (name: string): string => String(headers[name] ?? '');
  const hexIn = (names: readonly string[]): Buffer[] =>
    names
      .flatMap((name) => textOf(name).split(/[\s,]+/))
      .flatMap((one) => {
        const hex = /^(?:sha256=)?([0-9a-f]{64})$/i.exec(one)?.[1];
        return hex === undefined ? [] : [Buffer.from(hex, 'hex')];
      });
  let whyNone = 'the source has a secret, and the push no signature: see "Signed pushes" in docs/push.md';
  const isOfNow = (time: string): boolean => {
    const isNear = /^\d{1,12}$/.test(time) && Math.abs(nowMs - Number(time) * 1_000) <= WINDOW_MS;
    if (!isNear) whyNone = 'the signature is of another time: more than five minutes from the clock here';
    return isNear;
  };
  const claims: Claim[] = [];
  const claim = (given: Buffer[], key: string | Buffer, before: string, idOf: Claim['idOf']): void => {
    if (given.length === 0) return;
    const hmac = createHmac('sha256', key).update(before);
    claims.push({ hmac, given, isOfBody: before === '', idOf });
  };

  const grafanaTime = textOf(GRAFANA_TIME);
  const ofGrafana = hexIn(OF_GRAFANA);
  claim([...hexIn(OF_BODY), ...(grafanaTime === '' ? ofGrafana : [])], secret, '', () => null);
  if (grafanaTime !== '' && isOfNow(grafanaTime))
    claim(ofGrafana, secret, `${grafanaTime}:`, (digest) => digest.toString('hex'));

  const encoded = STANDARD_SECRET.exec(secret)?.[1];
  for (const brand of STANDARD) {
    const [id, time] = [textOf(`${brand}-id`), textOf(`${brand}-timestamp`)];
    const given = [...textOf(`${brand}-signature`).matchAll(/(?<![\w,])v1,([A-Za-z0-9+/]{43}=)/g)].map(
      ([, base64 = '']) => Buffer.from(base64, 'base64'),
    );
    if (given.length === 0) continue;
    if (encoded === undefined)
      whyNone = 'a signature of Standard Webhooks needs a secret that begins with whsec_';
    // An ID with a dot could be read as ID and time.
    else if (isOfNow(time) && /^[\x21-\x2d\x2f-\x7e]{1,200}$/.test(id))
      claim(given, Buffer.from(encoded, 'base64'), `${id}.${time}.`, () => id);
  }
  return { claims, whyNone };
}
