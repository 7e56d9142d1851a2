import { asWxError, WxError } from '../../core/errors.ts';
import { SIGNAL_EXITS } from '../../core/exit-codes.ts';
import type { Io } from '../../core/io.ts';
import { type Language, translatorTo, wordsOf } from '../i18n/language.ts';
import { createPrinter, type Printer } from './printer.ts';

/** Arguments for wxagent itself: what follows `--` is the agent's. */
export function ownArgs(argv: readonly string[]): readonly string[] {
  return argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
}

/** Says what went wrong, to a person or as JSON, which is English: scripts meet it. Returns the exit code. */
export async function reportError(
  host: { io: Io; stopSignal(): AbortSignal },
  thrown: unknown,
  argv: readonly string[],
  language: Language,
): Promise<number> {
  const { io } = host;
  const error = stoppedBy(host.stopSignal(), asWxError(thrown));
  const own = ownArgs(argv);
  const people = createPrinter(io, (line) => line);
  const { kind, message, hint = null, exit } = error;
  if (own.includes('--json')) {
    io.err(`${JSON.stringify({ v: 1, type: 'error', kind, message, hint, exit })}\n`);
  } else {
    const translate = await translatorTo(language);
    people.say(`wxagent: ${translate(message)}`);
    if (hint !== null) people.say(`${wordsOf(language).hint}${translate(hint)}`);
  }
  const { stack = '' } = error.cause instanceof Error ? error.cause : error;
  if (own.includes('--verbose')) people.say(...stack.split('\n'));
  return exit;
}

/** Says what went wrong beside what a command is for: it goes on. */
export function sayError({ say }: Pick<Printer, 'say'>, thrown: unknown): void {
  const { message, hint } = asWxError(thrown);
  say(`wxagent: ${message}`);
  if (hint !== undefined) say(`hint: ${hint}`);
}

/** A command that was told to stop and could not end well says by which signal. */
function stoppedBy(stopped: AbortSignal, error: WxError): WxError {
  const signal = stopped.reason as keyof typeof SIGNAL_EXITS | undefined;
  const isStopped = error.kind === 'cancelled' && stopped.aborted && signal !== undefined;
  return isStopped ? new WxError('cancelled', error.message, { exit: SIGNAL_EXITS[signal] }) : error;
}
