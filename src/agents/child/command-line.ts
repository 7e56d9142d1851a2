import { basename } from 'node:path';
import { ASSIGNMENTS } from './shell-line.ts';

/** What is started: a line for the shell, with `args` as further words behind it, or a program with its arguments. */
export type Command = { shell: string; args?: readonly string[] } | { argv: readonly [string, ...string[]] };

/** A command in the form `spawn` takes. */
export interface CommandLine {
  file: string;
  args: string[];
  /** Windows only: the arguments are quoted already. */
  verbatim: boolean;
}

/**
 * How a command is started on this platform: `/bin/sh -c`, on Windows `cmd /d /s /c`. Windows cannot start `.cmd` and
 * `.bat` files itself, so these go through cmd as well, with every word quoted.
 */
export function commandLineOf(command: Command, platform: NodeJS.Platform, comspec = 'cmd.exe'): CommandLine {
  const throughCmd = (line: string): CommandLine => ({
    file: comspec,
    args: ['/d', '/s', '/c', `"${line}"`],
    verbatim: true,
  });
  if ('shell' in command) {
    const { shell, args = [] } = command;
    if (platform === 'win32') return throughCmd([shell, ...args.map(quoteForCmd)].join(' '));
    // Never part of the line itself: the shell would read what a file is called as a command.
    const words = args.length > 0 ? [`${shell} "$@"`, 'sh', ...args] : [shell];
    return { file: '/bin/sh', args: ['-c', ...words], verbatim: false };
  }
  const [file, ...args] = command.argv;
  if (platform === 'win32' && /\.(cmd|bat)$/i.test(file)) {
    return throughCmd(command.argv.map(quoteForCmd).join(' '));
  }
  return { file, args, verbatim: false };
}

/** What follows a word that speaks of a secret, and what stands before the host of an address. */
const SECRETS =
  /((?:token|key|secret|pass\w*|auth\w*|bearer|credential\w*|cookie|\s-u)["']?(?:\s*[=:]\s*|\s+)["']?(?:(?:bearer|basic|token)\s+)?)[^\s"']+|(:\/\/)[^\s/@"']+(?=@)/gi;

/** What a command is called in the chat: its program or shell line, without what looks like a secret. */
export function nameOf(command: Command): string {
  if ('argv' in command) return basename(command.argv[0]);
  const line = command.shell.replace(ASSIGNMENTS, '').trim();
  return line.replace(SECRETS, (_, before = '', scheme = '') => `${before}${scheme}…`) || 'shell';
}

/** One word that survives both cmd's own parser and the argument parser of the program it starts. */
function quoteForCmd(word: string): string {
  const quoted = `"${word.replace(/(\\*)("|$)/g, (_, slashes: string, quote: string) => slashes + slashes + (quote && '\\"'))}"`;
  return quoted.replace(/[()%!^"<>&|;, ]/g, '^$&');
}
