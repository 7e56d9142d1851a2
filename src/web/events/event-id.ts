import type { EventPlace } from '../../store/port/port.ts';

const ID = /^([0-9a-z]{1,32})\.(\d{1,16})\.(\d{1,16})\.(\d{1,16})$/;

/** The ID of an event: no other one has it, in whatever store. */
export function idOf(instance: string, { xid, seq, atMs }: EventPlace): string {
  return `${instance}.${xid}.${seq}.${atMs}`;
}

/** The place that an ID of this store names; null: it is none, or one of another store. */
export function placeOf(instance: string, id: string): EventPlace | null {
  const [, of, xid, seq, atMs] = ID.exec(id) ?? [];
  if (of !== instance) return null;
  const place = { xid: Number(xid), seq: Number(seq), atMs: Number(atMs) };
  return Object.values(place).every(Number.isSafeInteger) ? place : null;
}

/** Whether a place lies behind another one in the order of the log. */
export function isBehind(one: EventPlace, other: EventPlace): boolean {
  return one.xid > other.xid || (one.xid === other.xid && one.seq > other.seq);
}
