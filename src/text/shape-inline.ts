import { isRawOnPhone, readMarks } from './emphasis.ts';
import { isArrow, type Name, namesIn } from './identifiers.ts';
import { type Atom, type Inline, isEscape, type LinkSpan, readInline } from './inline.ts';

/** A backslash before a letter or a digit, or behind a drive, is part of a path, not of Markdown. */
const PATH = /\\[\p{L}\p{N}]|^[A-Za-z]:\\/u;
const ESCAPES = /\\([!-/:-@[-`{-~])/g;

/** Shapes one paragraph, heading, list item or table row of Markdown without fenced code. */
export function shapeInline(text: string): string {
  const inline = readInline(text);
  const marks = readMarks(text, inline.atoms);
  const quote = '`'.repeat(unusedLength(inline.strayBackticks));
  const operators = new Set(marks.operators);
  const closed = closedAngles(text, inline.atoms);
  const out: string[] = [];
  const write = (piece: string) => {
    // Two code spans whose marks between them are gone would read as one.
    if (piece.startsWith('`') && out.at(-1)?.endsWith('`')) out.push(' ');
    if (piece !== '') out.push(piece);
  };
  const writePlain = (start: number, end: number) => {
    let plain = '';
    for (let at = start; at < end; at++) {
      const char = text[at] as string;
      if (char === '\\' && text[at + 1] === '<' && at + 1 < end && isEscape(text, at)) continue;
      plain += char === '<' ? '＜' : closed.has(at) ? '＞' : char;
    }
    write(plain);
  };
  const writeName = ({ start, end }: Name) => {
    const name = text.slice(start, end);
    if (text[start - 1] === '`' || text[end] === '`') return writePlain(start, end);
    write(quote + (PATH.test(name) ? name : name.replace(ESCAPES, '$1')) + quote);
  };
  const writeProse = (start: number, end: number) => {
    let at = start;
    for (const name of namesIn(text, start, end, operators)) {
      writePlain(at, name.start);
      writeName(name);
      at = name.end;
    }
    writePlain(at, end);
  };

  let at = 0;
  for (const piece of piecesOf(text, inline, marks.emphases)) {
    writeProse(at, piece.start);
    write(piece.shaped);
    at = piece.end;
  }
  writeProse(at, text.length);
  return out.join('');
}

/** What is no prose: atoms and the marks of emphasis, in their order, as the phone should get them. */
function piecesOf(text: string, inline: Inline, emphases: ReturnType<typeof readMarks>['emphases']) {
  const pieces: { start: number; end: number; shaped: string }[] = [];
  for (const atom of inline.atoms) {
    // An escape may be part of a name.
    if (atom.kind === 'escape' && text[atom.start + 1] !== '`') continue;
    pieces.push({ start: atom.start, end: atom.end, shaped: shapeAtom(text, atom, inline) });
  }
  for (const emphasis of emphases) {
    const { open, close, length } = emphasis;
    const shaped = isRawOnPhone(text, emphasis) ? '' : text.slice(open, open + length);
    pieces.push({ start: open, end: open + length, shaped }, { start: close, end: close + length, shaped });
  }
  return pieces.sort((a, b) => a.start - b.start);
}

function shapeAtom(text: string, { kind, start, end }: Atom, inline: Inline): string {
  if (kind === 'link') return shapeLink(text, inline.linkAt(start) as LinkSpan, inline);
  if (kind !== 'autolink') return text.slice(start, end);
  // The brackets also keep an address apart from what it stands beside.
  const before = /[A-Za-z0-9+.-]/.test(text[start - 1] ?? '') ? ' ' : '';
  const after = /[A-Za-z0-9/#?&=%~@-]/.test(text[end] ?? '') ? ' ' : '';
  return before + text.slice(start + 1, end - 1) + after;
}

/** Indices of each `>` of prose that a `<` before it opened: a tag is widened on both sides. */
function closedAngles(text: string, atoms: readonly Atom[]): ReadonlySet<number> {
  const closed = new Set<number>();
  if (!text.includes('<')) return closed;
  let next = 0;
  let depth = 0;
  let comment = false;
  for (let at = 0; at < text.length; at++) {
    const atom = atoms[next];
    if (atom && atom.start === at) {
      next++;
      if (atom.kind === 'escape' && text[at + 1] === '<') depth++;
      at = atom.end - 1;
    } else if (text[at] === '<') {
      depth++;
      comment ||= text.startsWith('<!--', at);
    } else if (text[at] === '>' && depth > 0) {
      const endsComment = comment && text.startsWith('--', at - 2);
      if (isArrow(text, at) && !endsComment) continue;
      closed.add(at);
      depth--;
      if (endsComment) comment = false;
    }
  }
  return closed;
}

/** A link or an image as a link the phone shows; one without a label is its bare address. */
function shapeLink(text: string, link: LinkSpan, inline: Inline): string {
  const label = labelOf(text, link, inline);
  if (label.trim() === '') return link.url;
  return link.url === '' ? label : `[${label}]${text.slice(link.close + 1, link.end)}`;
}

/** The label of a link: images in it become their own labels, since links do not nest. */
function labelOf(text: string, link: LinkSpan, inline: Inline): string {
  const label: string[] = [];
  const imageEnds = new Map<number, number>();
  let depth = 0;
  for (let at = link.open + 1; at < link.close; ) {
    const verbatimEnd = inline.code.get(at) ?? (isEscape(text, at) ? at + 2 : undefined);
    const image = text[at] === '!' && text[at + 1] === '[' ? inline.linkAt(at) : null;
    const imageEnd = imageEnds.get(at);
    if (verbatimEnd !== undefined) {
      label.push(text.slice(at, verbatimEnd));
      at = verbatimEnd;
    } else if (image) {
      imageEnds.set(image.close, image.end);
      at += 2;
    } else if (imageEnd !== undefined) at = imageEnd;
    else {
      const char = text[at] as string;
      const closes = char === '>' && depth > 0 && !isArrow(text, at);
      if (char === '<') depth++;
      if (closes) depth--;
      label.push(char === '<' ? '＜' : closes ? '＞' : char);
      at++;
    }
  }
  return label.join('');
}

/** The shortest run of backticks that pairs with none of the stray ones. */
function unusedLength(strays: ReadonlySet<number>): number {
  let length = 1;
  while (strays.has(length)) length++;
  return length;
}
