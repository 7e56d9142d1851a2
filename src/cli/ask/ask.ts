import { WxError } from '../../core/errors.ts';
import { EXIT_CODES } from '../../core/exit-codes.ts';
import { digestOf } from '../../core/ids.ts';
import type { Choice } from '../../core/message/match-choice.ts';
import { withoutBom } from '../../core/strip.ts';
import type { Store } from '../../store/port/port.ts';
import { loginHint } from '../account/choose-account.ts';
import { openOutgoing } from '../account/connection.ts';
import { withStore } from '../account/store.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { contentToSend, keepFiles, type SendContent } from '../send/send-content.ts';
import { findTarget, type Target } from '../send/target.ts';
import { type Asked, askAndWait } from './asking.ts';
import { parseChoices, parseDefault } from './parse-choices.ts';
import { questionOf } from './question-text.ts';

/** Exit codes of `ask` beside those of errors, as `timeout(1)` has the second one. */
const OTHER_CHOICE = 1;
const NO_ANSWER = 124;

/** `wxagent ask`: asks a user, and waits for the answer. */
export async function ask(context: CommandContext, words: string[]): Promise<number> {
  const { hook, choices: given, default: otherwise } = context.settings;
  if (hook !== null) return (await import('./hook.ts')).answerHook(context, hook, words);
  const choices = given === null ? null : parseChoices(given);
  const fallback = parseDefault(otherwise, choices);
  const { text, files } = await contentToSend(context, words.length > 0 ? words : [await piped(context)]);
  return withStore(context, async (store) => {
    const target = await findTarget(context, store.admin);
    const asked = await askOf(context, store, target, { text: text ?? '', files, choices });
    return report(context, target, { asked, choices, otherwise, fallback });
  });
}

/** The question on stdin. Throws WxError `usage` where there is none. */
async function piped(context: CommandContext): Promise<string> {
  if (context.io.stdinIsTerminal || context.settings.file.includes('-'))
    throw new WxError('usage', 'ask needs a question', { hint: "wxagent ask 'Deploy?'" });
  const bytes = await context.io.readStdin();
  if (bytes.includes(0)) throw new WxError('data', 'stdin is not text');
  return withoutBom(bytes.toString('utf8'));
}

async function askOf(
  context: CommandContext,
  store: Store,
  target: Target,
  { text, files, choices }: { text: string; files: SendContent['files']; choices: readonly Choice[] | null },
): Promise<Asked> {
  const { askTimeout } = context.settings;
  const outgoing = openOutgoing(context, store, target.key);
  const kept = await keepFiles(context, files, { outgoing, outbox: store.outbox });
  const content = kept.flatMap(({ name, md5 }) => [name, md5 ?? '']);
  const asked = await askAndWait(context, store, target, {
    ...questionOf(context, { sign: '❓', text, choices, files: kept }),
    timeoutMs: askTimeout,
    fingerprint: digestOf([text, JSON.stringify(choices), ...content]),
    hold: 'keep',
    onHeld: (reason) => context.say(`-> ${wordsOf(context.language).held(1, reason)}`),
  });
  // Copies of a question that was asked before.
  await outgoing.discard(
    store.outbox,
    kept.map(({ path }) => path),
  );
  return asked;
}

/** What is said at the end: the answer to programs, anything else to people. */
function report(
  context: CommandContext,
  target: Target,
  end: { asked: Asked; choices: readonly Choice[] | null; otherwise: string | null; fallback: number | null },
): number {
  const { asked, choices, otherwise, fallback } = end;
  const isDefault = asked.kind === 'timeout' && otherwise !== null;
  const choice = asked.kind === 'answer' ? asked.choice : isDefault ? fallback : null;
  const name = choice === null ? null : (choices?.[choice]?.name ?? null);
  const said = asked.kind === 'answer' ? asked.text.trim() : isDefault ? otherwise : null;
  const answer = name ?? said;
  const exit =
    answer === null ? exitOf(context, target, asked) : choice === null || choice === 0 ? 0 : OTHER_CHOICE;
  if (context.json) {
    context.printJson('ask', {
      account: target.id,
      user: target.user,
      number: asked.number,
      verdict: asked.kind === 'answer' ? 'answered' : asked.kind,
      reason: 'reason' in asked ? asked.reason : null,
      answer,
      choice: name,
      exit,
    });
  } else if (answer !== null) context.print(answer);
  return exit;
}

/** The exit code without an answer, and a sentence about it. Throws WxError where that is one. */
function exitOf(context: CommandContext, target: Target, asked: Asked): number {
  const hint = target.account === null ? 'wxagent login' : loginHint(target.account);
  switch (asked.kind) {
    case 'held':
      if (!context.json) {
        context.say('not asked yet: the question stays in the outbox, and asks when it arrives');
        context.say(
          `${wordsOf(context.language).hint}${context.translate('the same command again gets the answer')}`,
        );
      }
      return EXIT_CODES.busy;
    case 'timeout':
      if (!context.json) context.say(`question #${asked.number}: no answer in time`);
      return NO_ANSWER;
    case 'refused':
      throw new WxError('data', `the question was not sent: ${asked.reason}`, { hint: 'wxagent outbox' });
    case 'login':
      throw new WxError(
        'not-logged-in',
        `the login of ${target.id} has expired: the question was not asked`,
        { hint },
      );
    default:
      throw new WxError('cancelled', 'stopped before there was an answer; the question is closed');
  }
}
