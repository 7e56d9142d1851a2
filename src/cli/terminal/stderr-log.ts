import type { ChalkInstance } from 'chalk';
import type { Log, LogFields, LogLevel } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import { localTime } from './local-time.ts';
import { sanitized } from './printer.ts';

const LOUDNESS: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

const asItIs = (text: string): string => text;

/** The log on stderr: lines with local times for people, or one JSON object a line. */
export function createLog(options: {
  write: (text: string) => void;
  clock: Clock;
  level: LogLevel;
  format: 'text' | 'json';
  showsText: boolean;
  /** null: no colours. */
  chalk: ChalkInstance | null;
  /** Puts a sentence of ours into the language of the reader. */
  translate: (sentence: string) => string;
}): Log {
  const { write, clock, format, chalk, translate } = options;
  const threshold = LOUDNESS[options.level];
  const paint: Record<LogLevel, (text: string) => string> = {
    debug: chalk?.dim ?? asItIs,
    info: asItIs,
    warn: chalk?.yellow ?? asItIs,
    error: chalk?.red ?? asItIs,
  };

  let shownSecond = Number.NaN;
  let shownTime = '';

  /** Most lines are of the same second as the one before, and to make it anew took 10 us of an answer. */
  function timeOf(ms: number): string {
    const second = Math.floor(ms / 1_000);
    if (second !== shownSecond) {
      shownSecond = second;
      shownTime = localTime(new Date(ms));
    }
    return shownTime;
  }

  function log(level: LogLevel, sentence: string, fields: LogFields = {}): void {
    if (LOUDNESS[level] < threshold) return;
    const line = translate(sentence);
    const atMs = clock.now();
    if (format === 'json') {
      // The one name that the line itself has taken.
      const { message: messageId, ...others } = fields;
      write(
        `${JSON.stringify({ time: new Date(atMs).toISOString(), level, message: line, messageId, ...others })}\n`,
      );
      return;
    }
    const { account, ...others } = fields;
    const who = account === undefined ? '' : `[${[account, others.user].filter((one) => one).join(' ')}] `;
    const details = level === 'debug' ? describe(others) : '';
    write(`${paint[level](`${timeOf(atMs)} ${sanitized(`${who}${line}${details}`)}`)}\n`);
  }

  return {
    debug: (line, fields) => log('debug', line, fields),
    info: (line, fields) => log('info', line, fields),
    warn: (line, fields) => log('warn', line, fields),
    error: (line, fields) => log('error', line, fields),
    showsText: options.showsText,
  };
}

/** A log whose lines are about one account of several: they name it, and the user where they are about one. */
export function logOf(log: Log, account: string): Log {
  const about = (fields?: LogFields): LogFields => ({ account, ...fields });
  return {
    debug: (line, fields) => log.debug(line, about(fields)),
    info: (line, fields) => log.info(line, about(fields)),
    warn: (line, fields) => log.warn(line, about(fields)),
    error: (line, fields) => log.error(line, about(fields)),
    showsText: log.showsText,
  };
}

function describe(fields: LogFields): string {
  const parts = Object.entries(fields).filter(([, value]) => value !== undefined);
  return parts.length === 0 ? '' : ` (${parts.map(([name, value]) => `${name}=${value}`).join(' ')})`;
}
