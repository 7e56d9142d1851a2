import { WxError } from '../../core/errors.ts';
import { type CommandSearch, resolveCommand } from './resolve-command.ts';

/** Variables that are set for a command in front of it. */
export const ASSIGNMENTS = /^\s*(?:\w+=(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])*\s+)*/;

/** The first word of a line, where it stands for itself, quoted or not; what the shell makes of others is left alone. */
const PLAIN_WORD = /^(?:(~\/)?([^\s;|&<>(){}[\]$`"'\\*?#!~=]+)|"([^"$`\\]+)"|'([^']+)')(?=[\s;|&<>]|$)/;

/** Words that the shell itself understands, whichever shell it is. */
const OF_THE_SHELL = new Set(
  [
    'if then else elif fi for while until do done case esac in function select time coproc',
    '. : [ alias bg bind break builtin caller cd command compgen complete continue declare dirs disown echo enable',
    'eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf',
    'pushd pwd read readarray readonly return set shift shopt source suspend test times trap true type typeset',
    'ulimit umask unalias unset wait',
  ]
    .join(' ')
    .split(' '),
);

/** Checks that the first word of a line is a program, where it plainly names one. Throws WxError `usage`, `not-found`. */
export function checkShellLine(
  flag: string,
  line: string,
  search: CommandSearch,
  env: NodeJS.ProcessEnv,
): void {
  if (line.trim() === '')
    throw new WxError('usage', `${flag} needs a command`, { hint: `${flag} './agent.sh'` });
  if (search.platform === 'win32') return;
  const [before = ''] = ASSIGNMENTS.exec(line) ?? [];
  const [, home, plain, ...quoted] = PLAIN_WORD.exec(line.slice(before.length)) ?? [];
  const word = plain ?? quoted.find((one) => one !== undefined);
  if (word === undefined || OF_THE_SHELL.has(word) || /(?:^|\s)PATH=/.test(before)) return;
  // A function that bash passes on to the shells it starts.
  if (env[`BASH_FUNC_${word}%%`] !== undefined) return;
  if (home !== undefined) {
    if (env.HOME) resolveCommand(`${env.HOME}/${word}`, search);
  } else if (word.includes('/') || search.path !== undefined) resolveCommand(word, search);
}
