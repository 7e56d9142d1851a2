import { isObject } from '../../../core/object.ts';
import { joinedIn, jsonOf, textIn } from '../port/content.ts';

/** A part of a button in words: `name=value` or a value, which may stand in quotes; then what ends the part. */
const PART = /\s*(?:([-.\w]+)\s*=\s*)?(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^,;]*))\s*([,;]|$)/gy;

/** What a part without a name is, by its place. */
const NAMES = ['action', 'label', 'url'];

/** The addresses that buttons open, each with its label: those of JSON, and those of a header, in JSON or in words. */
export function viewsOf(given: readonly unknown[], header: string | null): string[] {
  const text = (header ?? '').trim();
  const inHeader = text.startsWith('[') ? jsonOf(text) : buttonsIn(text);
  return [...given, ...(Array.isArray(inHeader) ? inHeader : [])].flatMap((button) => {
    if (!isObject(button) || textIn(button, 'action')?.trim().toLowerCase() !== 'view') return [];
    return textIn(button, 'url') === null ? [] : [joinedIn(button, ': ', 'label', 'url')];
  });
}

/** `view, Open, https://...; action=view, label="Open", url=https://...` */
function buttonsIn(text: string): Record<string, string>[] {
  const buttons: Record<string, string>[] = [{}];
  let place = 0;
  for (const [, name, double, single, bare = '', end] of text.matchAll(PART)) {
    const quoted = (double ?? single)?.replace(/\\(["'])/g, '$1');
    const button = buttons.at(-1) as Record<string, string>;
    button[(name ?? NAMES[place] ?? '').toLowerCase()] = quoted ?? bare.trim();
    place++;
    if (end !== ';') continue;
    buttons.push({});
    place = 0;
  }
  return buttons;
}
