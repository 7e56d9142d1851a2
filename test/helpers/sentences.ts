import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'vitest/node';
import { ROOT } from './pages.ts';

type Node = { type: string; [key: string]: unknown };

/** A sentence that the program writes for people: what differs is `{}`. */
export interface Sentence {
  file: string;
  text: string;
}

/** Calls whose text goes to people: errors, lines of the log and of commands, results of turns. */
const CALLS =
  /^(WxError|HttpError|info|warn|error|say|show|translate|fail|failed|network|broken|refused|refuse|wrong|told|flaw|bad|badOutput|AcpStartError)$/;
/** Fields that carry such a text, also where it is put into one of them or into a name of their kind. */
const FIELDS = /^(hint|detail)$/;
const NAMES = /^(line|detail|odd|\w*HINTS?)$/;

/** All sentences in the source of some folders. */
export function sentencesOf(folders: readonly string[]): Sentence[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, 'src', folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
      .flatMap((path) => {
        const file = join(folder, path);
        const source = readFileSync(join(ROOT, 'src', file), 'utf8');
        const texts = new Set<string>();
        walk(parseAst(source, { lang: 'ts' }) as unknown as Node, (text) => texts.add(text));
        return [...texts].map((text) => ({ file, text }));
      }),
  );
}

/** Whether a text is a sentence to a person: two words that are not a command, a flag, a file or a variable. */
export function isTold(text: string): boolean {
  const isCommand =
    /^(\$ |hint: |\{\})?(wxagent|tar|npm|export|ls|timedatectl|GRANT|ALTER|openssl|createdb|postgres:\S+|GET|DELETE)( [^ ,;]+)*$/.test(
      text,
    );
  const isExample = /^(\$ |--[a-z-]+ '|(hint: |\{\} )?--[a-z-]+( [^ ,;]+)?$)/.test(text);
  if (/^[A-Z][a-z]+\.$/.test(text)) return true;
  return (
    !isCommand &&
    !isExample &&
    (text.match(/(?<![\w<"'./=-])[a-z]{2,}(?![\w>"'=-]|[./][a-z])/gi) ?? []).length >= 2
  );
}

function walk(node: unknown, found: (text: string) => void): void {
  if (Array.isArray(node)) {
    for (const one of node) walk(one, found);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const here = node as Node;
  if ((here.type === 'CallExpression' || here.type === 'NewExpression') && CALLS.test(nameOf(here.callee)))
    for (const argument of here.arguments as Node[]) textsOf(argument, found);
  if (here.type === 'Property' && FIELDS.test(nameOf(here.key))) textsOf(here.value as Node, found);
  if (here.type === 'VariableDeclarator' && NAMES.test(nameOf(here.id))) textsOf(here.init as Node, found);
  if (here.type === 'AssignmentExpression' && NAMES.test(nameOf(here.left)))
    textsOf(here.right as Node, found);
  for (const [key, value] of Object.entries(here)) if (key !== 'type') walk(value, found);
}

function nameOf(node: unknown): string {
  const { type, name, property, value } = node as Node;
  if (type === 'MemberExpression') return nameOf(property);
  return String(name ?? value ?? '');
}

function textsOf(node: Node | null, found: (text: string) => void): void {
  switch (node?.type) {
    case 'Literal':
      if (typeof node.value === 'string') found(node.value);
      break;
    case 'TemplateLiteral':
      found((node.quasis as Node[]).map(({ value }) => (value as { cooked: string }).cooked).join('{}'));
      break;
    case 'ConditionalExpression':
      textsOf(node.consequent as Node, found);
      textsOf(node.alternate as Node, found);
      break;
    case 'LogicalExpression':
      textsOf(node.left as Node, found);
      textsOf(node.right as Node, found);
      break;
    case 'ObjectExpression':
      for (const { value } of node.properties as Node[]) textsOf(value as Node, found);
      break;
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
      textsOf(node.expression as Node, found);
      break;
    case 'ArrayExpression':
      break;
  }
}
