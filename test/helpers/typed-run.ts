import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN } from './wxagent.ts';

/** What a shell has made of a line with `wxagent run`: the words behind that, and the environment. */
export interface TypedRun {
  words: string[];
  env: Record<string, string>;
}

/** Puts a `wxagent` into a folder of the PATH that notes in `home` how it is run, and is the program for all else. */
export function installNoted(bin: string, home: string): void {
  const note = `'${noteIn(home)}'`;
  writeFileSync(
    join(bin, 'wxagent'),
    `#!/bin/sh
[ "$1" = run ] || exec '${process.execPath}' '${BIN}' "$@"
shift
{ env -0; printf '\\0'; printf '%s\\0' "$@"; } >${note}
`,
    { mode: 0o755 },
  );
}

/** Takes the note of the last run; null where there was none. */
export function takeTypedRun(home: string): TypedRun | null {
  if (!existsSync(noteIn(home))) return null;
  const [variables = '', words = ''] = readFileSync(noteIn(home), 'utf8').split('\0\0');
  rmSync(noteIn(home));
  return {
    words: words.split('\0').slice(0, -1),
    env: Object.fromEntries(
      variables.split('\0').map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
    ) as Record<string, string>,
  };
}

function noteIn(home: string): string {
  return join(home, 'typed-run');
}
