import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The documents as tests read them. */

/** The folder of the project. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The two languages of the first page. */
export const READMES = ['README.md', 'README.zh-CN.md'] as const;

/** The two languages of the recipes; those of the first page go with them. */
export const RECIPES = ['docs/recipes.md', 'docs/zh-CN/recipes.md'] as const;

/** Every page, by its path in the project. */
export function allPages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.split(sep).join('/')}`);
  return [...READMES, 'CHANGELOG.md', 'CONTRIBUTING.md', 'examples/README.md', ...docs.sort()];
}

/** A page of the project. */
export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** A fenced block. */
export interface Block {
  language: string;
  text: string;
  /** `agent.sh` of `<!-- file: agent.sh -->` on the line before, and so on. */
  file: string | null;
  run: string | null;
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const fences = page.matchAll(/(?:^<!-- (\w+): (\S+) -->\n)?^(`{3,})(\w*)\n([\s\S]*?)^\3$/gm);
  return [...fences].map(([, kind, name, , language = '', text = '']) => ({
    language,
    text,
    file: kind === 'file' ? (name ?? null) : null,
    run: kind === 'run' ? (name ?? null) : null,
  }));
}

/** A page without its fenced blocks. */
export function proseOf(page: string): string {
  return page.replace(/^(`{3,}).*\n[\s\S]*?^\1$/gm, '');
}

/** The headings of a page, marks included. */
export function headingsOf(page: string): string[] {
  return proseOf(page).match(/^#+ .*$/gm) ?? [];
}

/** The part of a page under a heading, up to the next one of its level or above. */
export function sectionOf(page: string, heading: string): string {
  const [, marks = ''] = /^(#+) /.exec(heading) ?? [];
  const [, after] = page.split(`${heading}\n`);
  if (after === undefined) throw new Error(`there is no heading "${heading}"`);
  return after.split(new RegExp(`^#{1,${marks.length}} `, 'm'))[0] ?? '';
}

/** The rows of the first table in a text whose first heading cell is `head`; `\|` in a cell is a bar. */
export function tableOf(text: string, head: string): string[][] {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => cellsOf(line)[0] === head);
  if (at < 0) throw new Error(`there is no table with "${head}"`);
  const rows = lines.slice(at + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end < 0 ? undefined : end).map(cellsOf);
}

function cellsOf(line: string): string[] {
  if (!line.startsWith('|')) return [];
  return line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** What stands in backticks in a text. */
export function codeOf(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code as string);
}

/** A script without its comments. */
export function withoutComments(script: string): string {
  return script
    .split('\n')
    .filter((line) => !/^\s*#(?!!)/.test(line))
    .map((line) => line.replace(/\s+# .*$/, ''))
    .join('\n');
}

/** Words of a command line with simple quotes, up to what belongs to the shell. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [whole] of line.matchAll(/(?:'[^']*'|"(?:\\.|[^"\\])*"|[^\s'"])+/g)) {
    if (/^(#|\||>|&|;)/.test(whole)) break;
    words.push(whole.replace(/'([^']*)'|"((?:\\.|[^"\\])*)"/g, (_, single, double) => single ?? double));
  }
  return words;
}
