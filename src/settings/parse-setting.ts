import { WxError } from '../core/errors.ts';
import { parseCount, parseDurationMs, parseSizeBytes } from '../core/units.ts';
import type { Setting } from './tables/setting-row.ts';

/** Checks and converts a value as it was written. Throws WxError `usage`. */
export function parseSetting(setting: Setting, raw: unknown, where: string): unknown {
  const text = typeof raw === 'number' ? String(raw) : raw;
  switch (setting.kind) {
    case 'switch':
      if (text === true || text === 'true' || text === '1') return true;
      if (text === false || text === 'false' || text === '0') return false;
      throw new WxError('usage', `${where} is either true or false`);
    case 'level':
      return Number(raw);
    case 'list': {
      const list = Array.isArray(text) ? text : [text];
      if (!list.every((item) => typeof item === 'string'))
        throw new WxError('usage', `${where} takes a list of texts`);
      return list;
    }
  }
  if (typeof text !== 'string') throw new WxError('usage', `${where} takes a text`);
  switch (setting.kind) {
    case 'count':
      return parseCount(text, where, setting.min ?? 0, setting.max);
    case 'duration':
      return setting.canBeOff && text === 'off' ? 0 : parseDurationMs(text, where);
    case 'size':
      return parseSizeBytes(text, where);
    case 'choice':
      if (setting.choices?.includes(text)) return text;
      throw new WxError('usage', `${where} is one of ${setting.choices?.join(', ')}, not "${text}"`);
    case 'text':
      return text;
  }
}
