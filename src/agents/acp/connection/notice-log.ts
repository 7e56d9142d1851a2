import type { Log } from '../../../core/log.ts';
import { terminalText } from '../../../core/terminal.ts';

/** Different notices of one process that are shown; some agents repeat theirs with every message. */
const MAX_SHOWN = 50;

const MAX_CHARS = 500;

/** Puts what an agent says of itself (`notice` updates) into the log: each once, the rest at debug level. */
export function createNoticeLog(log: Log): { take(update: Record<string, unknown>): void } {
  const shown = new Set<string>();
  return {
    take({ severity, title, description }) {
      const said = [title, description].filter((one) => typeof one === 'string' && one !== '').join(': ');
      const text = terminalText(said).replace(/\s+/g, ' ').slice(0, MAX_CHARS);
      if (text === '') return;
      const isNew = !shown.has(text) && shown.size < MAX_SHOWN;
      if (isNew) shown.add(text);
      const level = !isNew ? 'debug' : severity === 'warning' || severity === 'error' ? 'warn' : 'info';
      log[level](`agent: ${text}`);
    },
  };
}
