import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveCommand } from '../../agents/child/resolve-command.ts';
import { asWxError, WxError } from '../../core/errors.ts';
import { terminalText } from '../../core/terminal.ts';
import { codeBlock } from '../../text/code-block.ts';
import { commandSearch } from '../agent/child.ts';
import { shown } from '../ask/mask-secrets.ts';
import type { CommandContext } from '../port/context.ts';
import { sendContent } from '../send/send.ts';
import { sayError } from '../terminal/report-error.ts';
import { type CommandEnd, runCommand } from './run-command.ts';

/** Of a long output, so much of its end is in the text. */
const SHOWN_LINES = 20;
const SHOWN_CHARS = 1_500;
const TITLE_CHARS = 120;

/** Said of output of which nothing could be kept. */
const NOT_KEPT = {
  en: '(What went to the terminal is not in this message.)',
  zh: '（写到终端的输出不在这条消息里。）',
};

/** `wxagent exec`: runs a command, and tells how it ended. The exit code is the command's, whatever becomes of the text. */
export async function exec(context: CommandContext, argv: string[]): Promise<number> {
  const { title, always, onFailure, execOutput } = context.settings;
  const [name] = argv;
  if (name === undefined)
    throw new WxError('usage', 'exec needs a command', { hint: 'wxagent exec -- ./backup.sh' });
  if (always && onFailure) throw new WxError('usage', '--always and --on-failure exclude each other');
  const isChinese = context.language === 'zh';
  const what = title ?? shown(argv.join(' '), TITLE_CHARS).replace(/\s+/g, ' ');
  let end: CommandEnd;
  try {
    end = await runCommand(context, resolveCommand(name, commandSearch(context)), argv);
  } catch (error) {
    const why = context.translate(asWxError(error).message);
    await tell(context, `❌ ${what}${isChinese ? '：' : ': '}${why}`, null);
    throw error;
  }
  if (end.code === 0 && onFailure) return 0;
  const how = end.signal ?? (isChinese ? `退出码 ${end.code}` : `exit code ${end.code}`);
  const head = `${end.code === 0 ? '✅' : '❌'} ${what}${isChinese ? '：' : ': '}${how}${isChinese ? '，' : ', '}${took(end.durationMs, isChinese)}`;
  const output = terminalText(end.output.toString('utf8')).trimEnd();
  const lines = execOutput === 'none' ? '' : lastLines(output);
  const missing = end.isPartial && execOutput !== 'none' ? [isChinese ? NOT_KEPT.zh : NOT_KEPT.en] : [];
  const text = [head, ...(lines === '' ? [] : [codeBlock(lines)]), ...missing].join('\n');
  await tell(context, text, execOutput === 'file' && output !== '' ? output : null);
  return end.code;
}

/** Sends a text, and a file with the output. What goes wrong is said on stderr. */
async function tell(plain: CommandContext, text: string, output: string | null): Promise<void> {
  // stdout is the command's.
  const context = { ...plain, json: false };
  const folder = output === null ? null : await mkdtemp(join(tmpdir(), 'wxagent-'));
  let server: CommandContext['server'] = null;
  try {
    const files = folder === null ? [] : [{ path: join(folder, 'output.txt'), name: 'output.txt' }];
    for (const { path } of files) await writeFile(path, output ?? '', { mode: 0o600 });
    const isElsewhere = context.settings.store !== null;
    const full = isElsewhere ? await (await import('../account/store-place.ts')).atStore(context) : context;
    server = full.server;
    await sendContent(full, { text, files });
  } catch (error) {
    sayError(context, error);
  } finally {
    await server?.close();
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}

function lastLines(output: string): string {
  const lines = output.split('\n').slice(-SHOWN_LINES).join('\n');
  return lines.length <= SHOWN_CHARS ? lines : `…${lines.slice(-SHOWN_CHARS).toWellFormed()}`;
}

/** `850 ms`, `12 s`, `3 min 5 s`, `2 h 4 min` */
function took(ms: number, isChinese: boolean): string {
  const unit = isChinese ? ['毫秒', '秒', '分', '小时'] : ['ms', 's', 'min', 'h'];
  const seconds = Math.round(ms / 1_000);
  if (ms < 1_000) return `${Math.round(ms)} ${unit[0]}`;
  if (seconds < 60) return `${seconds} ${unit[1]}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} ${unit[2]} ${seconds % 60} ${unit[1]}`;
  return `${Math.floor(minutes / 60)} ${unit[3]} ${minutes % 60} ${unit[2]}`;
}
