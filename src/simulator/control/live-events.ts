import type { ServerResponse } from 'node:http';
import type { SimulatorControl } from './control.ts';

/** How often the state is looked at: it changes by time too, so nothing tells of every change. */
const LOOK_MS = 200;
const KEEPALIVE_MS = 15_000;
/** Lines that a listener without a place gets first. */
const NEWEST = 500;
/**
 * Tells a listener of every line of the phones and of every change beside them, as server-sent events (`shown`,
 * `state`, `reset`), from the place `lastId` on. A place of another world, or none: `reset`, and the newest lines. What
 * a listener has not read yet stays where it is kept anyway, so nothing piles up for one that is slow.
 */
export function serveLive(control: SimulatorControl, lastId: string, res: ServerResponse): void {
  res.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store, no-transform',
    'x-content-type-options': 'nosniff',
  });
  let world = '';
  let sent = 0;
  let state = '';
  let isFull = false;
  const write = (event: string, data: string, id = ''): void => {
    isFull = !res.write(`${id && `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`);
  };
  const begin = (next: string): void => {
    const { last } = control.phone({ after: Number.MAX_SAFE_INTEGER });
    const place = world === '' ? placeIn(lastId, next, last) : null;
    world = next;
    sent = place ?? Math.max(0, last - NEWEST);
    if (place === null) write('reset', '{}', `${world}.${sent}`);
  };
  const tellLines = (): void => {
    if (isFull || res.destroyed) return;
    const next = control.world();
    if (next !== world) begin(next);
    for (const line of control.phone({ after: sent, all: true }).shown) {
      if (isFull) return;
      sent = line.n;
      write('shown', JSON.stringify(line), `${world}.${line.n}`);
    }
  };
  const tell = (): void => {
    tellLines();
    if (isFull || res.destroyed) return;
    const text = JSON.stringify(control.state());
    if (text === state) return;
    state = text;
    write('state', text);
  };

  tell();
  const unhook = control.onShown(tellLines);
  const looking = setInterval(tell, LOOK_MS);
  const keeping = setInterval(() => {
    if (!isFull) write('alive', '{}');
  }, KEEPALIVE_MS);
  res.on('drain', () => {
    isFull = false;
    tell();
  });
  res.once('close', () => {
    unhook();
    clearInterval(looking);
    clearInterval(keeping);
  });
}

/** After which line a listener goes on; null: it does not know this world. */
function placeIn(lastId: string, world: string, last: number): number | null {
  const [, name, n] = /^([\w-]+)\.(\d{1,15})$/.exec(lastId) ?? [];
  return name === world && Number(n) <= last ? Number(n) : null;
}
