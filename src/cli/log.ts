import type { Clock } from '../core/clock.ts';
import type { Log, LogFields, LogLevel } from '../core/log.ts';

const LOUDNESS: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
/** Terminal colours of the levels that stand out. */
const COLORS: Record<LogLevel, string> = { debug: '\x1b[2m', info: '', warn: '\x1b[33m', error: '\x1b[31m' };

/** The log on stderr: lines with local times for people, or one JSON object a line. */
export function createLog(options: {
  write: (text: string) => void;
  clock: Clock;
  level: LogLevel;
  format: 'text' | 'json';
  showsText: boolean;
  colors: boolean;
}): Log {
  const { write, clock, format, colors } = options;
  const threshold = LOUDNESS[options.level];

  function log(level: LogLevel, line: string, fields: LogFields = {}): void {
    if (LOUDNESS[level] < threshold) return;
    const at = new Date(clock.now());
    if (format === 'json') {
      write(`${JSON.stringify({ time: at.toISOString(), level, message: line, ...fields })}\n`);
      return;
    }
    const details = level === 'debug' ? describe(fields) : '';
    const text = `${localTime(at)} ${oneLine(line)}${details}`;
    write(colors && COLORS[level] ? `${COLORS[level]}${text}\x1b[0m\n` : `${text}\n`);
  }

  return {
    debug: (line, fields) => log('debug', line, fields),
    info: (line, fields) => log('info', line, fields),
    warn: (line, fields) => log('warn', line, fields),
    error: (line, fields) => log('error', line, fields),
    showsText: options.showsText,
  };
}

/** `10:31:02` in local time. */
export function localTime(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}

/** What a line may contain is up to users and agents: no newline of theirs forges a line, no escape moves the cursor. */
function oneLine(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point.
  return line.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ');
}

function describe(fields: LogFields): string {
  const parts = Object.entries(fields).filter(([, value]) => value !== undefined);
  return parts.length === 0 ? '' : ` (${parts.map(([name, value]) => `${name}=${value}`).join(' ')})`;
}
