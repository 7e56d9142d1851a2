import type { ChatLanguage } from '../../../core/message/language.ts';
import { isObject } from '../../../core/object.ts';
import { parseJson } from '../../reply/reply-line.ts';

/** Calls that are remembered per turn; of more, the oldest are forgotten. */
const MAX_CALLS = 200;

/** Longest title, command, text and other argument that is shown, and the most lines of a diff and paths. */
const MAX = {
  title: 300,
  command: 1_000,
  text: 400,
  argument: 200,
  line: 160,
  lines: 12,
  paths: 10,
  arguments: 8,
};

/** Longest description of what the agent wants; of a longer one the question says how much is missing. */
const MAX_CHARS = 2_500;

/** What the arguments of tools are called that hold a command or a path. */
const COMMANDS = new Set(['command', 'commands', 'cmd', 'script']);
const PATHS = new Set([
  'path',
  'paths',
  'file_path',
  'filePath',
  'filepath',
  'absolute_path',
  'notebook_path',
  'abs_path',
]);

const KINDS: Record<string, Record<ChatLanguage, string>> = {
  read: { en: 'read', zh: '读取' },
  edit: { en: 'edit', zh: '修改' },
  delete: { en: 'delete', zh: '删除' },
  move: { en: 'move', zh: '移动' },
  search: { en: 'search', zh: '搜索' },
  execute: { en: 'execute', zh: '执行' },
  think: { en: 'think', zh: '思考' },
  fetch: { en: 'fetch', zh: '联网获取' },
  switch_mode: { en: 'switch mode', zh: '切换模式' },
  other: { en: 'other', zh: '其他' },
};

const NAMELESS: Record<ChatLanguage, string> = { en: 'something it does not name', zh: '没有说明的操作' };

const NO_MORE: Record<ChatLanguage, string> = {
  en: '(The agent says no more than this name.)',
  zh: '（智能体只给出了这个名称，没有说明具体内容。）',
};

/** What is known of one call of a tool: each field as the agent told it last. */
interface Told {
  title?: string;
  kind?: string;
  commands?: string[];
  paths?: string[];
  locations?: string[];
  arguments?: { name: string; value: string }[];
  texts?: string[];
  diffs?: string[];
}

/** The calls of tools in one turn. What an agent asks permission for it may have described before. */
export interface ToolCalls {
  /** Takes an update of the session. */
  take(update: Record<string, unknown>): void;
  /** What the agent wants to do, for the person who allows it: nothing in it is hidden, and its length is bounded. */
  describe(call: Record<string, unknown>, language: ChatLanguage): string;
}

/** See {@link ToolCalls}. */
export function createToolCalls(): ToolCalls {
  const calls = new Map<unknown, Told>();
  return {
    take(update) {
      if (update.sessionUpdate !== 'tool_call' && update.sessionUpdate !== 'tool_call_update') return;
      const id = update.toolCallId;
      calls.set(id, { ...calls.get(id), ...toldIn(update) });
      if (calls.size > MAX_CALLS) calls.delete(calls.keys().next().value);
    },
    describe(call, language) {
      const before = calls.get(call.toolCallId);
      const now = toldIn(call);
      // A request may say less of a call than was told of it before: kimi asks for "Bash".
      const texts = [...(now.texts ?? []), ...(before?.texts ?? [])];
      return wordsOf({ ...before, ...now, texts }, language);
    },
  };
}

function wordsOf(told: Told, language: ChatLanguage): string {
  const title = told.title ?? NAMELESS[language];
  const kind = told.kind === undefined ? '' : `[${KINDS[told.kind]?.[language] ?? told.kind}] `;
  const said = [title];
  const add = (more: string): void => void (said.some((one) => isSaidIn(one, more)) || said.push(more));
  for (const command of told.commands ?? []) add(command);
  const paths = [...new Set([...(told.paths ?? []), ...(told.locations ?? [])])];
  for (const path of paths.slice(0, MAX.paths)) add(path);
  if (paths.length > MAX.paths) said.push(`... (${paths.length - MAX.paths})`);
  for (const text of told.texts ?? []) add(text);
  // What a diff shows its arguments say once more.
  if (told.diffs) said.push(...told.diffs.filter((diff) => diff !== ''));
  else
    for (const { name, value } of told.arguments ?? []) {
      if (!said.some((one) => isSaidIn(one, value))) said.push(`${name}: ${value}`);
    }
  if (said.length === 1) said.push(NO_MORE[language]);
  return shortened(`${kind}${said.join('\n')}`, MAX_CHARS);
}

/** What an update, or a request, tells of a call. */
function toldIn(call: Record<string, unknown>): Told {
  const told: Told = {};
  const title = [call.title, call.name].find((one) => typeof one === 'string' && one.trim() !== '');
  if (title !== undefined) told.title = shown(title as string, MAX.title);
  if (typeof call.kind === 'string') told.kind = shown(call.kind, 30);
  if (Array.isArray(call.locations)) {
    const places = call.locations.flatMap((place) => (isObject(place) ? pathsIn(place.path) : []));
    if (places.length > 0) told.locations = places;
  }
  const content = Array.isArray(call.content) ? call.content.filter(isObject) : [];
  const texts = content.flatMap(textIn);
  const asArguments = texts.map(parseJson).find(isObject);
  const input =
    isObject(call.rawInput) && Object.keys(call.rawInput).length > 0 ? call.rawInput : asArguments;
  if (input) Object.assign(told, argumentsIn(input));
  else if (typeof call.rawInput === 'string') texts.push(call.rawInput);
  const words = texts.filter((text) => !isObject(parseJson(text)) && text.trim() !== '');
  if (words.length > 0) told.texts = words.slice(0, 2).map((text) => shown(text, MAX.text));
  const diffs = content.filter(({ type }) => type === 'diff');
  if (diffs.length > 0) {
    told.diffs = diffs.slice(0, 3).map((diff) => diffOf(diff, diffs.length > 1));
    told.locations = [...(told.locations ?? []), ...diffs.flatMap(({ path }) => pathsIn(path))];
  }
  return told;
}

function argumentsIn(input: Record<string, unknown>): Told {
  const told: Required<Pick<Told, 'commands' | 'paths' | 'arguments'>> = {
    commands: [],
    paths: [],
    arguments: [],
  };
  for (const [name, value] of Object.entries(input)) {
    if (value === null || value === '') continue;
    if (COMMANDS.has(name)) told.commands.push(...commandsIn(name, value));
    else if (PATHS.has(name)) told.paths.push(...pathsIn(value));
    else if (told.arguments.length < MAX.arguments) {
      const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
      told.arguments.push({ name: shown(name, MAX.line), value: shown(text, MAX.argument) });
    }
  }
  return told;
}

/** Commands: a list under `command` is the words of one. */
function commandsIn(name: string, value: unknown): string[] {
  const all = Array.isArray(value)
    ? value.map(String)
    : [typeof value === 'string' ? value : JSON.stringify(value)];
  const commands = name === 'commands' ? all.slice(0, 3) : [all.join(' ')];
  return commands.map((command) => shown(command, MAX.command));
}

function pathsIn(value: unknown): string[] {
  const all = Array.isArray(value) ? value : [value];
  return all.slice(0, 100).flatMap((path) => (typeof path === 'string' ? shown(path, MAX.line * 2) : []));
}

function textIn(block: Record<string, unknown>): string[] {
  const content = block.type === 'content' ? block.content : null;
  // Some send a list of blocks.
  if (Array.isArray(content)) return content.flatMap((one) => textIn({ type: 'content', content: one }));
  if (!isObject(content)) return [];
  if (content.type === 'text') return [String(content.text ?? '')];
  return typeof content.uri === 'string' ? [content.uri] : [];
}

/** The first lines of a change, and where there are several, its path. */
function diffOf({ path, oldText, newText }: Record<string, unknown>, withPath: boolean): string {
  const before = linesOf(oldText);
  const after = linesOf(newText);
  let same = 0;
  while (same < before.length && same < after.length && before[same] === after[same]) same += 1;
  let tail = 0;
  while (tail < Math.min(before.length, after.length) - same && before.at(-1 - tail) === after.at(-1 - tail))
    tail += 1;
  const gone = before.slice(same, before.length - tail).map((line) => `- ${line}`);
  const come = after.slice(same, after.length - tail).map((line) => `+ ${line}`);
  const half = MAX.lines / 2;
  const fromGone = gone.slice(0, Math.max(half, MAX.lines - come.length));
  const lines = [...fromGone, ...come.slice(0, MAX.lines - fromGone.length)];
  const missing = gone.length + come.length - lines.length;
  const more = missing > 0 ? [`... (+${missing})`] : [];
  return [...(withPath ? pathsIn(path) : []), ...lines.map((line) => shown(line, MAX.line)), ...more].join(
    '\n',
  );
}

function linesOf(text: unknown): string[] {
  return typeof text === 'string' && text !== '' ? text.replace(/\r?\n$/, '').split(/\r?\n/) : [];
}

/** Whether a text is there in the other, as words of its own: `rm` is not said in `confirm`. */
function isSaidIn(said: string, more: string): boolean {
  const at = said.indexOf(more);
  if (at === -1) return false;
  const isEdge = (char: string | undefined): boolean => char === undefined || /[\s"'`()]/.test(char);
  return isEdge(said[at - 1]) && isEdge(said[at + more.length]);
}

function shown(text: string, max: number): string {
  return plain(shortened(text, max));
}

/** A text that shows all it has: control characters, marks of direction and what has no width are written out. */
function plain(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/(?!\n|\t|\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, (char) => {
      if (char === '\r') return '\\r';
      return `\\u{${char.codePointAt(0)?.toString(16)}}`;
    })
    .replace(/\n\s*\n\s*\n/g, '\n\n')
    .trim();
}

/** The beginning and the end of a text that is too long, and how much of it is missing between them. */
function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = text.slice(0, Math.ceil(max * 0.7)).replace(/\p{Surrogate}$/u, '');
  const tail = text.slice(text.length - Math.floor(max * 0.3)).replace(/^\p{Surrogate}/u, '');
  return `${head} ... (+${text.length - head.length - tail.length} chars) ... ${tail}`;
}
