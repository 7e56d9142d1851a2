import { createLineReader } from './line-reader.ts';

export interface LineForm {
  /** It was too long: only its beginning is there. */
  cut: boolean;
  /** The stream ended before its newline. */
  half: boolean;
}

/** Takes one line, and resolves when it is dealt with; false: no more of them. Must not reject. */
export type LineHandler = (line: string, form: LineForm) => Promise<boolean>;

/** Hands the lines of a byte stream over one after the other; who awaits it reads no faster than they are dealt with. */
export interface LineFeed {
  /** Resolves when all lines that end in these bytes are dealt with; false once no more are wanted. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** What has come of a line whose newline has not. */
  unended(): string;
  /** The stream has ended: hands over what came after the last newline. */
  end(): Promise<boolean>;
}

/** Feeds `take` with lines of at most `maxChars`. Calls must not overlap. */
export function createLineFeed(take: LineHandler, maxChars: number): LineFeed {
  let found: { line: string; cut: boolean }[] = [];
  let wanted = true;
  const reader = createLineReader((line, cut) => found.push({ line, cut }), maxChars);

  async function hand(half: boolean): Promise<boolean> {
    const lines = found;
    found = [];
    for (const { line, cut } of lines) {
      wanted &&= await take(line, { cut, half });
    }
    return wanted;
  }

  return {
    write(bytes) {
      if (wanted) reader.write(bytes);
      return hand(false);
    },
    unended: reader.unended,
    end() {
      reader.end();
      return hand(true);
    },
  };
}
