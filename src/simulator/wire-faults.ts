import type { ServerResponse } from 'node:http';
import type { Answer, Fate } from './exchange.ts';
import type { FaultRule } from './faults.ts';
import { respond } from './respond.ts';
import { later, type World } from './world.ts';

const BIG_BYTES = 10 * 1024 * 1024;

/** Lets a fault strike a request; `run` makes the request take effect. */
export async function strike(
  world: World,
  fault: FaultRule,
  res: ServerResponse,
  run: () => Answer | Promise<Answer>,
): Promise<void> {
  const takesEffect = fault.processed === true || fault.kind === 'cut' || fault.kind === 'drop';
  const early = takesEffect ? await run() : null;
  if (fault.afterMs) await new Promise<void>((resolve) => later(world, fault.afterMs ?? 0, resolve));
  if (fault.kind === 'delay' || fault.kind === 'drop') return respond(res, early ?? (await run()));
  // Without `processed` the request ends here: nothing of it took effect.
  early?.onFate?.(fault.kind as Fate);
  breakAnswer(fault, res, early);
}

function breakAnswer(fault: FaultRule, res: ServerResponse, answer: Answer | null): void {
  switch (fault.kind) {
    case 'status': {
      const body = typeof fault.body === 'string' ? fault.body : '';
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
      const body = Buffer.from(answer?.body ?? '');
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
      res.flushHeaders();
      // Ended, not reset: a reset could take away the half that was already written.
      res.write(body.subarray(0, Math.floor(body.length / 2)), () => res.socket?.end());
      break;
    }
  }
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
