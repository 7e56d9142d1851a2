import type { Choice } from '../../core/message/choices.ts';
import type { ChatLanguage } from '../../core/message/language.ts';

/** How a question is written for the phone. */
export interface QuestionText {
  /** Before its number. */
  sign: string;
  text: string;
  choices: readonly Choice[] | null;
  number: number;
  /** Other questions are open. */
  hasOthers: boolean;
}

/** The text of a question: its number, what is asked, the choices, and how to answer. */
export function questionText(
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
