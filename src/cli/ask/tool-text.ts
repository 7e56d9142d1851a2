import { isObject } from '../../core/object.ts';
import { codeBlock } from '../../text/code-block.ts';
import { shown } from './mask-secrets.ts';

/** How much of one field of a tool call is shown, and of how many. */
const FIELD_CHARS = 300;
const MOST_FIELDS = 8;
/** How much of each side of an edit. */
const SIDE_CHARS = 500;

/** Fields that say nothing to who approves. */
const DULL = new Set([
  'timeout',
  'run_in_background',
  'dangerouslyDisableSandbox',
  'workdir',
  'max_output_tokens',
]);

/** What a call of a tool would do, for the phone: readable, bounded, without secrets. */
export function toolText(input: unknown): string {
  if (typeof input === 'string') return codeBlock(shown(input));
  if (!isObject(input)) return codeBlock(shown(JSON.stringify(input) ?? ''));
  const { command, description, file_path: path, content, old_string: before, new_string: after } = input;
  const lines: string[] = [];
  const told = new Set(DULL);
  const line = commandLine(command);
  if (line !== null) {
    lines.push(codeBlock(shown(line)));
    told.add('command');
  }
  if (typeof description === 'string') {
    lines.push(shown(description, FIELD_CHARS));
    told.add('description');
  }
  if (typeof path === 'string') {
    lines.push(shown(path, FIELD_CHARS));
    told.add('file_path');
  }
  if (typeof before === 'string' && typeof after === 'string') {
    lines.push(codeBlock(`${signed('-', before)}\n${signed('+', after)}`));
    for (const field of ['old_string', 'new_string']) told.add(field);
  }
  for (const [name, text] of Object.entries({ content, plan: input.plan, patch: input.patch })) {
    if (typeof text !== 'string') continue;
    lines.push(codeBlock(shown(text)));
    told.add(name);
  }
  const rest = Object.entries(input).filter(([name, value]) => !told.has(name) && value !== undefined);
  for (const [name, value] of rest.slice(0, MOST_FIELDS))
    lines.push(shown(`${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`, FIELD_CHARS));
  if (rest.length > MOST_FIELDS) lines.push(`… +${rest.length - MOST_FIELDS}`);
  return lines.join('\n');
}

/** A command as one text: some tools give it as a list of words. */
function commandLine(command: unknown): string | null {
  if (typeof command === 'string') return command;
  return Array.isArray(command) ? command.map(String).join(' ') : null;
}

function signed(sign: string, text: string): string {
  return shown(text, SIDE_CHARS)
    .split('\n')
    .map((line) => `${sign} ${line}`)
    .join('\n');
}
