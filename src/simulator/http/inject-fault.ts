import type { ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Answer, WireResult } from '../world/answer.ts';
import type { FaultRule } from '../world/fault-kinds.ts';
import { later, type World } from '../world/world.ts';
import { respond } from './respond.ts';

/** Faults after which the client sees something of the true answer, or is told a lie: the request has been processed. */
const PROCESSED: ReadonlySet<FaultRule['kind']> = new Set([
  ...(['cut', 'length', 'endless', 'encoded', 'bom', 'drop'] as const),
]);

const BIG_BYTES = 10 * 1024 * 1024;

/** Lets a fault strike a request; `run` makes the request take effect. */
export async function strike(
  world: World,
  fault: FaultRule,
  res: ServerResponse,
  run: () => Answer | Promise<Answer>,
): Promise<void> {
  const takesEffect = fault.processed === true || PROCESSED.has(fault.kind);
  const early = takesEffect ? await run() : null;
  if (fault.afterMs) await new Promise<void>((resolve) => later(world, fault.afterMs ?? 0, resolve));
  if (res.destroyed) return early?.onWireResult?.('aborted');
  if (fault.kind === 'delay' || fault.kind === 'drop') return respond(res, early ?? (await run()));
  if (early && fault.kind === 'encoded') return respond(res, encoded(early, fault.encoding ?? 'gzip'));
  if (early && fault.kind === 'bom') return respond(res, { ...early, body: withBom(early.body) });
  // Without `processed` the request ends here: nothing of it took effect.
  early?.onWireResult?.(PROCESSED.has(fault.kind) ? 'cut' : (fault.kind as WireResult));
  breakAnswer(fault, res, early);
}

function breakAnswer(fault: FaultRule, res: ServerResponse, answer: Answer | null): void {
  switch (fault.kind) {
    case 'status': {
      const { body: wanted = '' } = fault;
      const body = typeof wanted === 'string' ? wanted : JSON.stringify(wanted);
      const headers = { 'x-error-message': 'injected fault', ...fault.headers };
      respond(res, { status: fault.status ?? 500, body, headers });
      break;
    }
    case 'answer':
      respond(res, { status: 200, body: JSON.stringify(fault.body) });
      break;
    case 'garbage':
      respond(res, { status: 200, body: garbage(fault.garbage ?? 'html') });
      break;
    case 'reset':
      res.socket?.resetAndDestroy();
      break;
    case 'cut': {
      const body = begin(res, answer);
      const shown = body.subarray(0, fault.bytes ?? Math.floor(body.length / 2));
      // Ended, not reset: a reset could take away what was already written.
      res.write(shown, () => res.socket?.end());
      break;
    }
    case 'length': {
      const body = begin(res, answer, fault.bytes);
      res.write(body, () => res.socket?.end());
      break;
    }
    case 'endless': {
      void pourOut(res, begin(res, answer, null), fault.bytes ?? Number.POSITIVE_INFINITY);
      break;
    }
  }
}

/** Sends the head of the true answer and returns its body; `saidBytes` null: nothing is said of its length. */
function begin(res: ServerResponse, answer: Answer | null, saidBytes?: number | null): Buffer {
  const body = Buffer.from(answer?.body ?? '');
  const length = saidBytes === null ? {} : { 'content-length': saidBytes ?? body.length };
  res.writeHead(answer?.status ?? 200, { 'content-type': 'application/json', ...answer?.headers, ...length });
  res.flushHeaders();
  return body;
}

/** Resolves when more can be written, or nothing any more. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      res.off('drain', go).off('close', go);
      resolve();
    };
    res.on('drain', go).on('close', go);
  });
}

/** Writes the bytes again and again until there are so many, or the client has gone. */
async function pourOut(res: ServerResponse, bytes: Buffer, limitBytes: number): Promise<void> {
  const piece = Buffer.alloc(Math.max(bytes.length, 64 * 1024), bytes.length > 0 ? bytes : 'x');
  for (let sent = 0; sent < limitBytes && !res.destroyed; sent += piece.length) {
    const more = piece.subarray(0, limitBytes - sent);
    if (!res.write(more)) await drained(res);
  }
  res.end();
}

const ENCODERS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync };

function encoded(answer: Answer, encoding: NonNullable<FaultRule['encoding']>): Answer {
  const headers = { ...answer.headers, 'content-encoding': encoding };
  return { ...answer, body: ENCODERS[encoding](answer.body), headers };
}

function withBom(body: Answer['body']): Buffer {
  return Buffer.concat([Buffer.from('\ufeff'), Buffer.from(body)]);
}

function garbage(form: NonNullable<FaultRule['garbage']>): string | Buffer {
  switch (form) {
    case 'html':
      return '<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>';
    case 'half-json':
      return '{"ret":0,"msgs":[{"message_id":73123456';
    case 'big':
      return Buffer.alloc(BIG_BYTES, 'x');
    case 'empty':
      return '';
  }
}
