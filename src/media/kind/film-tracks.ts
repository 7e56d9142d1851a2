import { type FileHandle, open } from 'node:fs/promises';

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

/** Whether a track of a film file has pictures: phones record sound in such files as well. null: it names no tracks. */
export async function hasPictures(path: string): Promise<boolean | null> {
  const file = await open(path);
  try {
    const tracks: string[] = [];
    const { size } = await file.stat();
    const left: [number, number][] = [[0, size]];
    for (let seen = 0; seen < MOST_BOXES; seen++) {
      const place = left.pop();
      if (place === undefined) break;
      const [at, end] = place;
      const box = await boxAt(file, at, end);
      if (box === null) continue;
      if (box.end < end) left.push([box.end, end]);
      if (AROUND_TRACKS.has(box.type)) left.push([box.contentAt, box.end]);
      // Version and a field that means nothing come first.
      else if (box.type === 'hdlr') tracks.push(await textAt(file, box.contentAt + 8));
    }
    return tracks.length === 0 ? null : tracks.includes('vide');
  } finally {
    await file.close();
  }
}

/** The box at this place; null where there is none. */
async function boxAt(file: FileHandle, at: number, end: number): Promise<Box | null> {
  const head = Buffer.alloc(16);
  const { bytesRead } = await file.read(head, 0, head.length, at);
  if (bytesRead < 8) return null;
  const short = head.readUInt32BE(0);
  const isLong = short === 1 && bytesRead === 16;
  const size = isLong ? Number(head.readBigUInt64BE(8)) : short === 0 ? end - at : short;
  if (size < (isLong ? 16 : 8)) return null;
  return {
    type: head.toString('latin1', 4, 8),
    contentAt: at + (isLong ? 16 : 8),
    end: Math.min(at + size, end),
  };
}

async function textAt(file: FileHandle, at: number): Promise<string> {
  const text = Buffer.alloc(4);
  await file.read(text, 0, text.length, at);
  return text.toString('latin1');
}
