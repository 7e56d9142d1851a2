import { newUuid } from '../../core/ids.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import type { Choice } from '../../core/message/match-choice.ts';
import { filePart, textParts } from '../../runner/delivery/reply-parts.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../../runner/port/options.ts';
import type { PartFile } from '../../store/port/port.ts';
import type { CommandContext } from '../port/context.ts';
import type { Asking } from './asking.ts';

/** How a question is written for the phone. */
interface QuestionText {
  /** Before its number. */
  sign: string;
  text: string;
  choices: readonly Choice[] | null;
  number: number;
  /** Other questions are open. */
  hasOthers: boolean;
}

/** The text of a question: its number, what is asked, the choices, and how to answer. */
function questionText(
  { sign, text, choices, number, hasOthers }: QuestionText,
  language: ChatLanguage,
): string {
  const isChinese = language === 'zh';
  const labelled = (choices ?? []).filter(({ label }) => label !== null);
  const names = choices?.map(({ name }) => name).join(' / ');
  const lines = [
    `${sign} #${number} ${text}`,
    ...labelled.map(({ name, label }) => `${name}: ${label}`),
    ...(names === undefined ? [] : [isChinese ? `请回复：${names}` : `Reply: ${names}`]),
    ...(hasOthers
      ? [
          isChinese
            ? `还有别的问题在等回答：请引用本条，或以 #${number} 开头。`
            : `Other questions are open: quote this one, or begin with #${number}.`,
        ]
      : []),
  ];
  return lines.join('\n');
}

/** A question as it is asked: its files, then its text. */
export function questionOf(
  context: Pick<CommandContext, 'language' | 'environment'>,
  {
    sign,
    text,
    choices,
    files = [],
  }: { sign: string; text: string; choices: readonly Choice[] | null; files?: readonly PartFile[] },
): Pick<Asking, 'choices' | 'message' | 'compose'> {
  const head = { origin: 'send', runId: newUuid() } as const;
  return {
    choices,
    message: context.environment.get('WXAGENT_MESSAGE_ID') ?? null,
    compose({ language, ...about }) {
      const whole = questionText({ sign, text, choices, ...about }, language ?? context.language);
      return [
        ...files.map((file) => filePart(file, head)),
        ...textParts(whole, DEFAULT_RUNNER_OPTIONS, head),
      ];
    },
  };
}
