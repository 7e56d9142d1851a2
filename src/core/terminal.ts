/** CSI sequences: their parameters and what they do. */
const CSI = '(?:\\x1b\\[|\\x9b)([0-?]*)[ -/]*([@-~])';
const STRING_END = '(?:\\x07|\\x1b\\\\|\\x9c)';

/**
 * Control strings: OSC (titles, links), DCS, SOS, PM and APC. One that is never ended is none: only its introducer
 * matches as an escape, so that it cannot swallow the text behind it; nor is one in which another begins.
 */
const CONTROL_STRING = `(?:\\x1b[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x90\\x98\\x9c-\\x9f\\n]*${STRING_END}`;

/** All other escapes, of which the last character says what they do. */
const ESCAPE = '\\x1b[ -/]*([0-~])';

/** What a terminal is told beside its text, or one control character, a newline and a tab included. */
const CODES = new RegExp(`${CSI}|${CONTROL_STRING}|${ESCAPE}|\\p{Cc}`, 'gu');

/** What leaves all text where it is: colours and strings. */
const COLOURS = new RegExp(`(?:\\x1b\\[|\\x9b)[\\d;:]*m|${CONTROL_STRING}`, 'gu');

/** Whether there is anything to do at all. */
const ANY_CODE = /(?![\n\t])\p{Cc}/u;

/** Where a terminal would stop the cursor; a text itself may go further. */
const LAST_COLUMN = 199;

/** Steps for each character of a text, on average; a text that wants more is made to keep us busy. */
const MAX_WORK_SHARE = 8;

/** Characters that stand in two columns. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]/u;

/** Characters that belong to the one before them. */
const JOINED = /[\p{M}\p{Emoji_Modifier}\u200d]/u;

/** So much stands in one place; a heap of marks goes on in the next, since it is looked at for each of them. */
const MAX_JOINED = 256;

/** Columns of one line: a wide character is followed by an empty one. */
type Row = string[];

/** Where the cursor is, and all that is shown. */
interface Screen {
  rows: Row[];
  row: number;
  column: number;
  /** Rows in which something was shown over something else: blanks at their end are what was wiped away. */
  wiped: Set<Row>;
}

/**
 * What a terminal shows in the end of what it was sent: lines that were drawn again and again (`\r`, backspaces, cursor
 * movements, erased lines) as they were left, without colours and control characters but newline and tab. A terminal as
 * high and wide as the text needs.
 */
export function terminalText(text: string): string {
  if (!ANY_CODE.test(text)) return text;
  const plain = text.replace(COLOURS, '').replace(/(?<!\r)\r+(?=\n)/g, '');
  if (!ANY_CODE.test(plain)) return plain;
  const screen: Screen = { rows: [[]], row: 0, column: 0, wiped: new Set() };
  let kept: Screen = { ...screen };
  let main: Screen | null = null;
  let work = plain.length * MAX_WORK_SHARE;
  let at = 0;
  for (const code of plain.matchAll(CODES)) {
    work -= write(screen, plain.slice(at, code.index));
    at = code.index + code[0].length;
    const [all, parameters = '', command, escaped] = code;
    if (command === 'h' || command === 'l') {
      // The other screen, on which editors and pagers draw: what was on it is gone when they leave.
      if (!/^\?(?:47|1047|1049)$/.test(parameters)) continue;
      if (command === 'h') main ??= { ...screen };
      if (command === 'h') Object.assign(screen, { rows: [[]], row: 0, column: 0 });
      else if (main !== null) Object.assign(screen, main);
      if (command === 'l') main = null;
    } else if (command === 's' || escaped === '7') kept = { ...screen };
    else if (command === 'u' || escaped === '8') moveTo(screen, kept.row, kept.column);
    else if (command !== undefined) work -= execute(screen, command, parameters);
    else if (escaped === 'c') Object.assign(screen, { rows: [[]], row: 0, column: 0 });
    else if (escaped === 'E') newLine(screen);
    else if (escaped === 'M') moveTo(screen, screen.row - 1, screen.column);
    else work -= control(screen, all);
    if (work < 0) return plain.replace(CODES, (one) => (one === '\n' || one === '\t' ? one : ''));
  }
  write(screen, plain.slice(at));
  const { rows, wiped } = screen;
  return rows.map((row) => (wiped.has(row) ? row.join('').trimEnd() : row.join(''))).join('\n');
}

/** Obeys one control character; returns what it costs. */
function control(screen: Screen, code: string): number {
  switch (code) {
    case '\n':
    case '\v':
    case '\f':
    case '\x85':
      newLine(screen);
      break;
    case '\r':
      screen.column = 0;
      break;
    case '\b':
      moveTo(screen, screen.row, screen.column - 1);
      break;
    case '\t':
      return tab(screen);
  }
  return 1;
}

/** Executes one CSI sequence; returns what it costs. */
function execute(screen: Screen, command: string, parameters: string): number {
  const [first = 0, second = 0] = parameters.split(';').map((one) => Number.parseInt(one, 10) || 0);
  const count = Math.max(1, first);
  const { row, column } = screen;
  switch (command) {
    case 'A':
      moveTo(screen, row - count, column);
      break;
    case 'B':
      moveTo(screen, row + count, column);
      break;
    case 'C':
      moveTo(screen, row, column + count);
      break;
    case 'D':
      moveTo(screen, row, column - count);
      break;
    case 'E':
      moveTo(screen, row + count, 0);
      break;
    case 'F':
      moveTo(screen, row - count, 0);
      break;
    case 'G':
    case '`':
      moveTo(screen, row, count - 1);
      break;
    case 'H':
    case 'f':
      moveTo(screen, count - 1, Math.max(1, second) - 1);
      break;
    case 'J':
      if (first === 0) eraseBelow(screen);
      else if (first >= 2) Object.assign(screen, { rows: [[]], row: 0, column: 0 });
      break;
    case 'K':
      return eraseInLine(screen, first);
    case 'P':
    case 'X':
      return eraseCharacters(screen, command, count);
  }
  return 1;
}

function moveTo(screen: Screen, row: number, column: number): void {
  screen.row = Math.max(0, Math.min(row, screen.rows.length - 1));
  const furthest = Math.max(LAST_COLUMN, currentRow(screen).length);
  screen.column = Math.max(0, Math.min(column, furthest));
}

function newLine(screen: Screen): void {
  screen.row++;
  screen.column = 0;
  if (screen.row === screen.rows.length) screen.rows.push([]);
}

function currentRow({ rows, row }: Screen): Row {
  return rows[row] as Row;
}

function eraseBelow(screen: Screen): void {
  eraseInLine(screen, 0);
  screen.rows.length = screen.row + 1;
}

function eraseInLine(screen: Screen, how: number): number {
  const row = currentRow(screen);
  screen.wiped.add(row);
  if (how === 2) row.length = 0;
  if (how === 0) {
    cut(row, screen.column);
    row.length = Math.min(row.length, screen.column);
  }
  if (how !== 1) return 1;
  const end = Math.min(screen.column + 1, row.length);
  cut(row, end);
  row.fill(' ', 0, end);
  return end;
}

function eraseCharacters(screen: Screen, command: 'P' | 'X', count: number): number {
  const row = currentRow(screen);
  screen.wiped.add(row);
  const end = Math.min(screen.column + count, row.length);
  if (screen.column >= end) return 1;
  cut(row, screen.column);
  cut(row, end);
  if (command === 'X') row.fill(' ', screen.column, end);
  else row.splice(screen.column, end - screen.column);
  return row.length;
}

/** A character that covers columns on both sides of a border that is cut leaves blanks. */
function cut(row: Row, border: number): void {
  if (row[border] !== '') return;
  row[border] = ' ';
  for (let right = border + 1; row[right] === ''; right++) row[right] = ' ';
  let left = border - 1;
  for (; row[left] === ''; left--) row[left] = ' ';
  row[left] = ' ';
}

function tab(screen: Screen): number {
  const row = currentRow(screen);
  const next = screen.column + 8 - (screen.column % 8);
  // Over what is there it only moves.
  if (screen.column >= row.length) {
    const cost = padTo(row, screen.column);
    row.push('\t', ...Array<string>(next - screen.column - 1).fill(''));
    screen.column = next;
    return cost;
  }
  screen.column = next;
  return 1;
}

function padTo(row: Row, column: number): number {
  const missing = Math.max(0, column - row.length);
  for (let n = 0; n < missing; n++) row.push(' ');
  return missing + 1;
}

/** Shows text without control characters where the cursor is; returns what it costs. */
function write(screen: Screen, text: string): number {
  if (text === '') return 0;
  const row = currentRow(screen);
  let cost = padTo(row, screen.column);
  for (const character of text) {
    const before = leadOf(row, screen.column - 1);
    const standing = row[before] ?? '';
    const joins = before >= 0 && standing.length < MAX_JOINED;
    if (joins && (JOINED.test(character) || standing.endsWith('\u200d'))) {
      row[before] = standing + character;
      continue;
    }
    const width = WIDE.test(character) ? 2 : 1;
    if (screen.column < row.length) {
      screen.wiped.add(row);
      cut(row, screen.column);
      cut(row, screen.column + width);
    }
    row[screen.column] = character;
    if (width === 2) row[screen.column + 1] = '';
    screen.column += width;
    cost += width;
  }
  return cost;
}

/** The column of the character that covers this one; -1 at the beginning of a line. */
function leadOf(row: Row, column: number): number {
  let lead = column;
  while (row[lead] === '') lead--;
  return lead;
}
