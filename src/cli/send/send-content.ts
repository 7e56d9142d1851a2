import { basename, resolve } from 'node:path';
import { WxError } from '../../core/errors.ts';
import { withoutBom } from '../../core/strip.ts';
import { terminalText } from '../../core/terminal.ts';
import type { Outgoing } from '../../runner/delivery/outgoing-files.ts';
import { openSource } from '../../runner/delivery/source-file.ts';
import type { Outbox, PartFile } from '../../store/port/port.ts';
import type { CommandContext } from '../port/context.ts';

/** What `send` was given, checked. */
export interface SendContent {
  /** null: only files. */
  text: string | null;
  files: FileToSend[];
}

/** A file to be sent; without `path` it is what stdin brings. */
interface FileToSend {
  path: string | null;
  name: string;
}

/** Reads the text of arguments or stdin, and checks the files. Throws WxError `usage`, `not-found`, `data`. */
export async function contentToSend(context: CommandContext, words: string[]): Promise<SendContent> {
  const { stdin, file, sendName, id, key } = context.settings;
  // A variable that is not set: as a key it would stop every later text under no key.
  for (const [flag, value] of Object.entries({ '--id': id, '--key': key }))
    if (value?.trim() === '') throw new WxError('usage', `${flag} needs a key, and it is empty`);
  if (words.length > 0 && stdin) {
    throw new WxError('usage', 'send takes its text from the arguments or from --stdin, not both');
  }
  const files = filesToSend(file, sendName, context.cwd);
  if (stdin && files.some(({ path }) => path === null)) {
    throw new WxError('usage', 'stdin is either the text (--stdin) or the file (--file -), not both');
  }
  for (const { path } of files) if (path !== null) await (await openSource(path)).close();
  const text = words.length > 0 ? words.join(' ') : null;
  if (text !== null) return { text: checkText(text), files };
  if (files.length > 0 && !stdin) return { text, files };
  if (!stdin && context.io.stdinIsTerminal) {
    throw new WxError('usage', 'send needs a text or a file', {
      hint: "wxagent send 'hello', echo hello | wxagent send, or wxagent send --file photo.jpg",
    });
  }
  const bytes = await context.io.readStdin();
  if (bytes.includes(0)) {
    throw new WxError('data', 'stdin is not text', { hint: 'wxagent send --file - --name <name>' });
  }
  return { text: checkText(withoutBom(bytes.toString('utf8'))), files };
}

/** The text as `run` reads the output of a command: what a terminal shows of it in the end, without a final newline. */
function checkText(given: string): string {
  const text = terminalText(given).replace(/\r?\n$/, '');
  if (text.trim() === '') throw new WxError('usage', 'there is nothing to send: the text is empty');
  return text;
}

function filesToSend(given: readonly string[], name: string | null, cwd: string): FileToSend[] {
  const streams = given.filter((one) => one === '-').length;
  if (streams > 1) throw new WxError('usage', 'there is one stdin: --file - goes only once');
  if (given.includes('')) throw new WxError('usage', '--file needs the path of a file, or -');
  if (streams === 1 && name === null) {
    throw new WxError('usage', '--file - needs a name for the file', {
      hint: 'wxagent send --file - --name report.pdf',
    });
  }
  if (name !== null && streams === 0 && given.length !== 1) {
    throw new WxError('usage', `--name goes with one file, not ${given.length}`, {
      hint: 'wxagent send --file out.pdf --name report.pdf',
    });
  }
  return given.map((one) => {
    if (one === '-') return { path: null, name: name ?? '' };
    return { path: resolve(cwd, one), name: streams === 0 && name !== null ? name : basename(one) };
  });
}

/** Keeps our own copies of the files; none when one of them cannot be kept. */
export async function keepFiles(
  context: CommandContext,
  files: readonly FileToSend[],
  { outgoing, outbox }: { outgoing: Outgoing; outbox: Outbox },
): Promise<PartFile[]> {
  const kept: PartFile[] = [];
  try {
    for (const { path, name } of files) {
      kept.push(
        path === null
          ? await outgoing.keepStream(context.io.stdin(), name)
          : await outgoing.keepCopy(path, name),
      );
    }
    return kept;
  } catch (error) {
    const paths = kept.map(({ path }) => path);
    // A later sweep removes what cannot be removed now.
    await outgoing.discard(outbox, paths).catch(() => {});
    throw error;
  }
}
