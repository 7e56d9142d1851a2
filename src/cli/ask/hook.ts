import { WxError } from '../../core/errors.ts';
import { type Choice, choiceOf } from '../../core/message/match-choice.ts';
import { isObject } from '../../core/object.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';
import { send } from '../send/send.ts';
import { findTarget } from '../send/target.ts';
import { sayError } from '../terminal/report-error.ts';
import { type Asked, askAndWait } from './asking.ts';
import { type Decision, decisionOf } from './decision.ts';
import { type HookInput, type HookProgram, readHookInput } from './hook-input.ts';
import { shown } from './mask-secrets.ts';
import { questionOf } from './question-text.ts';
import { toolText } from './tool-text.ts';

const PROGRAMS: Record<HookProgram, string> = { claude: 'Claude Code', codex: 'Codex' };
const YES_NO: readonly Choice[] = [
  { name: 'y', label: null },
  { name: 'n', label: null },
];

/** `ask --hook`: answers a hook. In trouble the program's own dialog decides, and stderr says why. */
export async function answerHook(
  context: CommandContext,
  program: HookProgram,
  words: readonly string[],
): Promise<number> {
  const { choices, default: otherwise, file } = context.settings;
  if (choices !== null || otherwise !== null || file.length > 0)
    throw new WxError('usage', '--hook goes without --choices, --default and --file');
  // Codex' `notify` gives it as an argument.
  const json = words.length > 0 ? words.join(' ') : (await context.io.readStdin()).toString('utf8');
  const hook = readHookInput(json);
  const answer = await answerTo(context, program, hook);
  if (answer !== null) context.print(JSON.stringify(answer));
  return 0;
}

async function answerTo(
  context: CommandContext,
  program: HookProgram,
  hook: HookInput,
): Promise<object | null> {
  const isChinese = context.language === 'zh';
  const who =
    PROGRAMS[program] +
    (hook.project === null ? '' : isChinese ? `（${hook.project}）` : ` (${hook.project})`);
  switch (hook.event) {
    case 'PreToolUse':
    case 'PermissionRequest': {
      const question = questionOfTool(hook);
      if (question !== null) return answerQuestion(context, program, hook, { ...question, who });
      const tool = shown(hook.tool, 80);
      const head = isChinese ? `${who}请求使用 ${tool}：` : `${who} wants to use ${tool}:`;
      const text = `${head}\n${toolText(hook.toolInput)}`;
      const asked = await askUser(context, { sign: '🔐', text, choices: YES_NO });
      const decision: Decision = asked === null ? 'unasked' : asked.choice === 0 ? 'allow' : 'deny';
      return decisionOf(program, hook, decision);
    }
    case 'Stop': {
      const head = isChinese ? `${who}完成了：` : `${who} has finished:`;
      const end = isChinese
        ? '回复即可让它继续；不回复就到此为止。'
        : 'Reply to go on; without a reply it stops here.';
      const text = `${head}\n${shown(hook.lastMessage)}\n${end}`;
      const asked = await askUser(context, { sign: '✅', text, choices: null });
      return asked && { decision: 'block', reason: asked.text };
    }
    case 'Notification':
    case 'notify': {
      const said = shown(hook.message || hook.lastMessage || (isChinese ? '完成了' : 'finished'));
      await unlessItFails(context, () => send(context, [isChinese ? `${who}：${said}` : `${who}: ${said}`]));
      return null;
    }
    default:
      context.say(`the hook ${hook.event} is none that can be answered from the phone`);
      return null;
  }
}

/** Asks, and returns the answer; null: there is none, or asking has failed. */
async function askUser(
  context: CommandContext,
  question: Pick<Parameters<typeof questionOf>[1], 'sign' | 'text' | 'choices'>,
): Promise<Extract<Asked, { kind: 'answer' }> | null> {
  const { askTimeout } = context.settings;
  return unlessItFails(context, () =>
    withStore(context, async (store) => {
      const target = await findTarget(context, store.admin);
      const asked = await askAndWait(context, store, target, {
        ...questionOf(context, question),
        timeoutMs: askTimeout,
        // A yes is for this call, and for no other that looks the same.
        fingerprint: null,
        hold: 'take-back',
      });
      if (asked.kind === 'answer') return asked;
      const why = 'reason' in asked ? asked.reason : asked.kind;
      context.say(`not answered from the phone: ${why}`);
      return null;
    }),
  );
}

async function unlessItFails<T>(context: CommandContext, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    sayError(context, error);
    return null;
  }
}

/** A question of the agent itself: what Claude Code asks with its tool for that. */
interface ToolQuestion {
  question: string;
  options: readonly Choice[];
}

/** The one question of a call that asks the user; null: it asks none, or several, which the terminal shows better. */
function questionOfTool({ event, tool, toolInput }: HookInput): ToolQuestion | null {
  if (event !== 'PermissionRequest' || tool !== 'AskUserQuestion' || !isObject(toolInput)) return null;
  const { questions } = toolInput;
  const [only, ...others] = Array.isArray(questions) ? questions : [];
  if (!isObject(only) || others.length > 0 || only.multiSelect === true || typeof only.question !== 'string')
    return null;
  const options = Array.isArray(only.options) ? only.options.filter(isObject) : [];
  return {
    question: only.question,
    options: options.flatMap(({ label }, index) =>
      typeof label === 'string' ? [{ name: String(index + 1), label }] : [],
    ),
  };
}

async function answerQuestion(
  context: CommandContext,
  program: HookProgram,
  hook: HookInput,
  { who, question, options }: ToolQuestion & { who: string },
): Promise<object | null> {
  const lines = options.map(({ name, label }) => `${name}: ${shown(label ?? '', 200)}`);
  const text = [`${who}${context.language === 'zh' ? '：' : ': '}${shown(question)}`, ...lines].join('\n');
  const asked = await askUser(context, { sign: '❓', text, choices: null });
  if (asked === null) return null;
  const said = asked.text.trim();
  const choice = choiceOf(said, options);
  const answer = choice === null ? said : (options[choice]?.label ?? said);
  return decisionOf(program, hook, 'allow', {
    ...(hook.toolInput as object),
    answers: { [question]: answer },
  });
}
