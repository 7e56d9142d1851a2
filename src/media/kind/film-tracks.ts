/** Boxes that hold the tracks of an MP4 or QuickTime file, and in them what each track is (ISO 14496-12). */
const AROUND_TRACKS: ReadonlySet<string> = new Set(['moov', 'trak', 'mdia']);

/** A damaged file may be all boxes. */
const MOST_BOXES = 10_000;

/** Where a box begins and ends, and what it is. */
interface Box {
  type: string;
  contentAt: number;
  end: number;
}

/** Bytes that are read from any place: at most so many, and none behind the end. */
export interface Readable {
  sizeBytes: number;
  readAt(position: number, length: number): Promise<Buffer>;
}

/** Whether a track of a film has pictures: phones record sound in such files as well. null: it names no tracks. */
export async function hasPictures(film: Readable): Promise<boolean | null> {
  const tracks: string[] = [];
  const left: [number, number][] = [[0, film.sizeBytes]];
  for (let seen = 0; seen < MOST_BOXES; seen++) {
    const place = left.pop();
    if (place === undefined) break;
    const [at, end] = place;
    const box = await boxAt(film, at, end);
    if (box === null) continue;
    if (box.end < end) left.push([box.end, end]);
    if (AROUND_TRACKS.has(box.type)) left.push([box.contentAt, box.end]);
    // Version and a field that means nothing come first.
    else if (box.type === 'hdlr') tracks.push((await film.readAt(box.contentAt + 8, 4)).toString('latin1'));
  }
  return tracks.length === 0 ? null : tracks.includes('vide');
}

/** The box at this place; null where there is none. */
async function boxAt(film: Readable, at: number, end: number): Promise<Box | null> {
  const head = await film.readAt(at, 16);
  if (head.length < 8) return null;
  const short = head.readUInt32BE(0);
  const isLong = short === 1 && head.length === 16;
  const size = isLong ? Number(head.readBigUInt64BE(8)) : short === 0 ? end - at : short;
  if (size < (isLong ? 16 : 8)) return null;
  return {
    type: head.toString('latin1', 4, 8),
    contentAt: at + (isLong ? 16 : 8),
    end: Math.min(at + size, end),
  };
}
