import type { Clock } from '../core/clock.ts';
import { languageOf } from '../core/language.ts';
import { decodeRaw, readInbound } from '../ilink/inbound.ts';
import type { Intake } from '../store/port.ts';
import { chatNotice } from './chat-notices.ts';

import type { RunnerOptions } from './options.ts';
import type { Outgoing } from './outgoing.ts';
import { mergeForRelease, textParts } from './reply.ts';

/** What stays the same from one intake of an account to the next. */
export type IntakeTerms = Pick<Intake, 'allow' | 'dedupeWindowMs' | 'merge' | 'chat' | 'mayStart'> & {
  /** Older messages are stored and not answered; 0: any age. */
  maxAgeMs: number;
  /** Whether the owner's chat commands are obeyed. */
  commands: boolean;
};

/** The terms of an account as its settings say. */
export function intakeTerms(options: {
  settings: RunnerOptions;
  outgoing: Outgoing;
  clock: Clock;
  /** The agent as `/status` names it. */
  agent: string;
  questionTo: Intake['chat']['questionTo'];
  mayStart: Intake['mayStart'];
}): IntakeTerms {
  const { settings, outgoing, clock } = options;
  return {
    allow: settings.allow,
    maxAgeMs: settings.maxAgeMs,
    dedupeWindowMs: settings.dedupeWindowMs,
    commands: settings.commands,
    merge: mergeForRelease(settings, outgoing, clock),
    mayStart: options.mayStart,
    chat: {
      busy: settings.busy,
      mergeMs: settings.mergeMs,
      questionTo: options.questionTo,
      noticeOf(news, message) {
        const { text } = readInbound(decodeRaw(message.raw));
        const notice = chatNotice(news, languageOf(text), options.agent);
        return textParts(notice, { ...settings, format: 'raw' }, { origin: 'notice', runId: null });
      },
    },
  };
}
