import { EXIT_CODES } from '../../core/exit-codes.ts';
import type { PartView } from '../../store/port/port.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';

/** How a `send` has ended. */
export interface SendEnd {
  account: string;
  user: string;
  parts: PartView[];
  /** Why what had no verdict in time waits, or why it was dropped. */
  reason: string | null;
  expired: boolean;
  /** The command that logs in again. */
  loginHint: string;
  strict: boolean;
  /** False with `--no-hold`: what could not go at once was dropped. */
  hold: boolean;
}

/** Reports the state of the parts, and returns the worst of their exit codes. */
export function reportSend(context: CommandContext, end: SendEnd): number {
  const exit = exitOf(end);
  if (context.json) {
    const parts = end.parts.map((part) => ({
      clientId: part.clientId,
      kind: part.kind,
      name: part.file?.name ?? null,
      verdict: part.state,
      reason: part.reason ?? (isWaiting(part) && !end.expired ? end.reason : null),
      messageId: part.serverId,
    }));
    context.printJson('send', { account: end.account, user: end.user, parts, exit });
  } else if (exit !== 0 || context.io.stderrIsTerminal) {
    context.say(sentence(context, end));
    if (end.expired) context.say(`${wordsOf(context.language).hint}${end.loginHint}`);
  }
  return exit;
}

/** Worst first: token dead, refused, waiting, not confirmed. 69 of `--no-hold` says that nothing has arrived. */
function exitOf({ parts, expired, strict, hold }: SendEnd): number {
  const some = (...states: PartView['state'][]): boolean => parts.some((part) => states.includes(part.state));
  if (expired) return EXIT_CODES['not-logged-in'];
  if (some('refused')) return EXIT_CODES.data;
  if (some('expired') && !hold && !some('confirmed', 'unconfirmed')) return EXIT_CODES.network;
  if (some('expired')) return EXIT_CODES.data;
  if (parts.some(isWaiting)) return EXIT_CODES.busy;
  return strict && some('unconfirmed', 'fallback') ? EXIT_CODES.protocol : 0;
}

function isWaiting({ state }: PartView): boolean {
  return ['held', 'queued', 'uploading', 'sending', 'merged'].includes(state);
}

/** One line of counts; of a dead login one that says so, and what to do. */
function sentence(context: CommandContext, { parts, reason, expired, hold }: SendEnd): string {
  const words = wordsOf(context.language);
  const of = (...states: PartView['state'][]): PartView[] =>
    parts.filter((part) => states.includes(part.state));
  const [confirmed, unconfirmed, held] = [of('confirmed'), of('unconfirmed'), of('held')];
  const refused = of('refused', ...(hold ? (['expired'] as const) : []));
  const dropped = hold ? [] : of('expired');
  const code = reason ?? dropped[0]?.reason ?? '';
  const why = words.whyWaiting[code] ?? code;
  const waiting = of('queued', 'sending', 'uploading', 'merged');
  const counts = [
    expired && words.tokenDead,
    confirmed.length > 0 && words.confirmed(confirmed.length),
    unconfirmed.length > 0 && words.unconfirmed(unconfirmed.length),
    of('fallback').length > 0 && words.toldElsewhere(of('fallback').length),
    refused.length > 0 && words.refused(refused.length, refused[0]?.reason ?? ''),
    dropped.length > 0 && words.dropped(dropped.length, why),
    expired && held.length + waiting.length > 0 && words.kept(held.length + waiting.length),
    !expired &&
      held.length > 0 &&
      `${words.held(held.length, held[0]?.reason ?? '')}${words.semicolon}${words.doNotRepeat}`,
    !expired && waiting.length > 0 && words.waiting(waiting.length, why),
  ];
  return `-> ${counts.filter((one) => one !== false).join(expired ? words.semicolon : words.comma)}`;
}
