import { EXIT_CODES } from '../core/errors.ts';
import type { PartView } from '../store/port.ts';
import type { CommandContext } from './context.ts';
import { wordsOf } from './words.ts';

/** How a `send` has ended. */
export interface SendEnd {
  /** Id of the account. */
  account: string;
  user: string;
  parts: PartView[];
  /** The login turned out to be dead. */
  expired: boolean;
  strict: boolean;
  /** `--no-hold`: what could not go at once was dropped. */
  dropped: boolean;
}

/** Says what became of the parts, and returns the worst of their exit codes (contract 2). */
export function reportSend(context: CommandContext, end: SendEnd): number {
  const exit = exitOf(end);
  if (context.json) {
    const parts = end.parts.map((part) => ({
      clientId: part.clientId,
      kind: part.kind,
      name: part.file?.name ?? null,
      verdict: part.state,
      reason: part.reason,
      messageId: part.serverId,
    }));
    context.printJson('send', { account: end.account, user: end.user, parts, exit });
  } else if (exit !== 0 || context.io.stderrIsTerminal) context.say(sentence(context, end));
  return exit;
}

/** Worst first: the token dead, refused, still waiting, not confirmed. */
function exitOf({ parts, expired, strict, dropped }: SendEnd): number {
  const some = (...states: PartView['state'][]): boolean => parts.some((part) => states.includes(part.state));
  if (expired) return EXIT_CODES['not-logged-in'];
  if (some('refused')) return EXIT_CODES.data;
  if (dropped) return EXIT_CODES.network;
  if (some('expired')) return EXIT_CODES.data;
  if (some('held', 'queued', 'uploading', 'sending', 'merged')) return EXIT_CODES.busy;
  return strict && some('unconfirmed') ? EXIT_CODES.protocol : 0;
}

function sentence(context: CommandContext, { parts, expired, dropped }: SendEnd): string {
  const words = wordsOf(context.language);
  const of = (...states: PartView['state'][]): PartView[] =>
    parts.filter((part) => states.includes(part.state));
  const reason = (some: PartView[]): string => some[0]?.reason ?? '';
  const [confirmed, unconfirmed, held] = [of('confirmed'), of('unconfirmed'), of('held')];
  const refused = of('refused', 'expired');
  const waiting = of('queued', 'sending', 'uploading', 'merged');
  const counts = [
    confirmed.length > 0 && words.confirmed(confirmed.length),
    unconfirmed.length > 0 && words.unconfirmed(unconfirmed.length),
    refused.length > 0 &&
      (dropped ? words.dropped(refused.length) : words.refused(refused.length, reason(refused))),
    held.length > 0 && `${words.held(held.length, reason(held))}${words.semicolon}${words.doNotRepeat}`,
    waiting.length > 0 && words.waiting(waiting.length),
    expired && `${words.tokenDead}${words.semicolon}${words.hint}wxagent login`,
  ];
  return `-> ${counts.filter((one) => one !== false).join(words.comma)}`;
}
