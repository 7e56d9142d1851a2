const LETTER = /[\p{L}\p{N}]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;

/** Collects the pieces of a shaped block and takes back the italics the phone would show as raw marks. */
export interface EmphasisWriter {
  /** Adds a piece that is no mark; `cjk` says whether Chinese, Japanese or Korean letters are in it. */
  write(piece: string, cjk: boolean): void;
  /** Adds a run of `*` or `_` with the characters around it. */
  mark(run: string, before: string, after: string): void;
  /** The whole block. */
  text(): string;
}

/**
 * Pairs runs of one or three `*` or `_`; a pair around CJK letters loses its marks, because the phone shows
 * them raw there (protocol 11). A run of two is bold, which it shows well.
 */
export function emphasisWriter(): EmphasisWriter {
  const pieces: string[] = [];
  const openers = new Map<string, { index: number; cjkBefore: number }>();
  let cjkPieces = 0;
  return {
    write(piece, cjk) {
      pieces.push(piece);
      if (cjk) cjkPieces++;
    },
    mark(run, before, after) {
      const index = pieces.push(run) - 1;
      if (run.length !== 1 && run.length !== 3) return;
      const opener = openers.get(run);
      if (opener && flanks(run, after, before)) {
        openers.delete(run);
        if (cjkPieces > opener.cjkBefore) pieces[opener.index] = pieces[index] = '';
      } else if (flanks(run, before, after)) openers.set(run, { index, cjkBefore: cjkPieces });
    },
    text: () => pieces.join(''),
  };
}

/** CommonMark's flanking rule, seen from outside: may a run with these characters around it begin emphasis? */
function flanks(run: string, outside: string, inside: string): boolean {
  if (inside.trim() === '' || (run.startsWith('_') && LETTER.test(outside))) return false;
  return !PUNCTUATION.test(inside) || outside.trim() === '' || PUNCTUATION.test(outside);
}
