import { OF_AGENTS } from './chinese-sentences-of-agents.ts';
import { OF_COMMANDS } from './chinese-sentences-of-commands.ts';
import { OF_SERVERS } from './chinese-sentences-of-servers.ts';
import { OF_WEB } from './chinese-sentences-of-web.ts';
import { chinese } from './chinese-words.ts';

/**
 * Every whole sentence for people in Chinese, by the English one that stands where it is made: `{}` is what differs, and
 * in the Chinese one `{~}` what is a sentence of ours itself, `{,}` what is a list, `{2}` the second of them. So code everywhere says what it
 * says in one language, errors keep one text to search for, and only who reads Chinese loads this.
 */
export const SENTENCES: Readonly<Record<string, string>> = {
  ...OF_AGENTS,
  ...OF_COMMANDS,
  ...OF_SERVERS,
  ...OF_WEB,
};

interface Pattern {
  english: RegExp;
  chinese: string;
  /** One that begins as the lines of agents do. */
  isOfAgent: boolean;
}

/** Before lines of the log that an agent has written. */
const AGENT = 'agent: ';

/** Whole sentences by themselves, and those with gaps, the most telling first. */
const [WHOLE, GAPPED] = compile();

/** Lines of the log that are not ours to translate: what users wrote, and what agents said. */
const OF_OTHERS = /^(<-|->|agent:) /;

/** What stands before a sentence where several are told of: `wxagent: photo.jpg: it was stopped`. */
const PREFIX = /^(wxagent: |hint: )(?:([^:]+): )?(.+)$/s;

/** A sentence of ours in Chinese; any other stays as it is. */
export function inChinese(sentence: string): string {
  const [, first, about, rest] = PREFIX.exec(sentence) ?? [];
  if (first !== undefined && rest !== undefined) {
    const before = first === 'hint: ' ? chinese.hint : first;
    const whole = about === undefined ? rest : `${about}: ${rest}`;
    const told = inChinese(whole);
    if (told !== whole || about === undefined) return `${before}${told}`;
    return `${before}${about}${chinese.colon}${inChinese(rest)}`;
  }
  const known = WHOLE.get(sentence);
  if (known !== undefined) return known;
  const isOfOthers = OF_OTHERS.test(sentence);
  for (const { english, chinese: template, isOfAgent } of GAPPED) {
    if (isOfOthers && !isOfAgent) continue;
    const found = english.exec(sentence);
    if (found) return filled(template, found.slice(1));
  }
  // What an agent says stays as it is, behind a name that is ours.
  if (sentence.startsWith(AGENT)) return `智能体：${sentence.slice(AGENT.length)}`;
  return Object.hasOwn(chinese.reasons, sentence) ? (chinese.reasons[sentence] ?? sentence) : sentence;
}

function filled(template: string, values: string[]): string {
  let next = 0;
  return template.replace(/\{([~,]?)(\d?)\}/g, (_, form: string, number: string) => {
    const value = values[number === '' ? next++ : Number(number) - 1] ?? '';
    if (form === ',') return value.replaceAll(', ', '、');
    return form === '~' ? inChinese(value) : value;
  });
}

function compile(): [Map<string, string>, Pattern[]] {
  const entries = Object.entries(SENTENCES);
  const gapped = entries
    .filter(([english]) => english.includes('{}'))
    .sort(([a], [b]) => telling(b) - telling(a))
    .map(([english, text]) => {
      const pieces = english.split('{}').map((piece) => piece.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
      const isOfAgent = english.startsWith(AGENT);
      return { english: new RegExp(`^${pieces.join('([\\s\\S]*?)')}$`), chinese: text, isOfAgent };
    });
  return [new Map(entries), gapped];
}

function telling(english: string): number {
  return english.replaceAll('{}', '').length;
}
