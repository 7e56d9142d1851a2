import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { reasonOf, WxError } from '../../core/errors.ts';
import { EXIT_CODES } from '../../core/exit-codes.ts';
import { plainFileName } from '../../core/file-name.ts';
import type { FetchFailure, FetchResult } from '../../media/download/port.ts';
import { typeByName } from '../../media/kind/type-by-name.ts';
import { openFetcher, openTransport } from '../account/connection.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { createProgressLine } from '../terminal/progress-line.ts';
import { findSources, type Wanted, type WantedSource } from './sources.ts';

/** Files fetched at the same time. */
const AT_ONCE = 4;

/** Exit code of each failure, and what to do about it. */
const FAILURES: Record<FetchFailure, { exit: number; hint?: string }> = {
  'wrong-key': { exit: EXIT_CODES.data },
  'no-key': { exit: EXIT_CODES.data },
  'no-address': { exit: EXIT_CODES.data, hint: '--cdn-url <url> trusts another CDN' },
  damaged: { exit: EXIT_CODES.data },
  refused: { exit: EXIT_CODES.data },
  'too-large': { exit: EXIT_CODES.data, hint: 'a larger --max-media' },
  gone: { exit: EXIT_CODES['not-found'] },
  network: { exit: EXIT_CODES.network, hint: 'wxagent doctor' },
  disk: { exit: EXIT_CODES['cannot-create'] },
  aborted: { exit: EXIT_CODES.cancelled },
};

/** Where files go: a folder, under a name of their own or this one. */
interface Place {
  folder: string;
  name: string | null;
}

/** `wxagent download`: fetches the files of a message, of an item, or of a CDN parameter. */
export async function download(context: CommandContext, args: string[]): Promise<number> {
  const { out, param, largest } = context.settings;
  const toStdout = out === '-';
  if (toStdout && context.json) throw new WxError('usage', '-o - and --json would both write to stdout');
  const wanted = await findSources(context, args);
  if (toStdout && wanted.sources.length > 1) {
    throw new WxError(
      'usage',
      `message ${wanted.message} brings ${wanted.sources.length} files, stdout takes one`,
    );
  }
  const place = toStdout ? await temporaryPlace() : await placeOf(context, out, param !== null);
  try {
    const results = await fetchAll(context, wanted, { ...place, maxBytes: largest ?? 0 });
    if (toStdout) await pour(context, results[0], place);
    return await report(context, wanted, results, toStdout);
  } finally {
    if (toStdout) await rm(place.folder, { recursive: true, force: true });
  }
}

async function fetchAll(
  context: CommandContext,
  wanted: Wanted,
  target: Place & { maxBytes: number },
): Promise<FetchResult[]> {
  const { quiet, wav } = context.settings;
  const { io, json, clock, language } = context;
  const signal = context.stopSignal();
  const transport = openTransport(context);
  const fetchMedia = await openFetcher(context, wanted.account, transport);
  const progress = createProgressLine({
    io,
    isShown: io.stderrIsTerminal && !json && !quiet,
    clock,
    words: wordsOf(language),
    count: wanted.sources.length,
  });
  try {
    return await inTurns(wanted.sources, AT_ONCE, async ({ source, knownKeys }, index) => {
      const result = await fetchMedia({
        source,
        knownKeys,
        ...target,
        wantsMd5: json,
        signal,
        onProgress: progress.track(index),
      });
      return wav && source.kind === 'voice' ? asWav(result, signal) : result;
    });
  } finally {
    progress.end();
    await transport.close();
  }
}

/** A voice message as WAV; one that is no SILK stays as it is. */
async function asWav(result: FetchResult, signal: AbortSignal): Promise<FetchResult> {
  if (!result.ok) return result;
  const { turnIntoWav } = await import('../../media/voice/voice-to-wav.ts');
  const { path } = result.file;
  try {
    const sound = await turnIntoWav(path, signal);
    if (!sound) return result;
    const { durationMs, ...file } = sound;
    return { ok: true, file: { ...file, mime: 'audio/wav', md5: null } };
  } catch (error) {
    if (signal.aborted) return { ok: false, failure: 'aborted', detail: 'it was stopped' };
    return { ok: false, failure: 'damaged', detail: `${reasonOf(error)}; the original is in ${path}` };
  }
}

/** The results of `work` for every item, in their order, with at most so many at the same time. */
async function inTurns<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}

/** `-o`: a folder; for `--param` a file, unless it is a folder that is there. */
async function placeOf(context: CommandContext, out: string | null, mayBeFile: boolean): Promise<Place> {
  if (out === null) return { folder: context.cwd, name: null };
  const path = resolve(context.cwd, out);
  const isFolder = /[\\/]$/.test(out) || (await stat(path).catch(() => null))?.isDirectory();
  return mayBeFile && !isFolder
    ? { folder: dirname(path), name: basename(path) }
    : { folder: path, name: null };
}

async function temporaryPlace(): Promise<Place> {
  return { folder: await mkdtemp(join(tmpdir(), 'wxagent-')), name: 'file' };
}

/** Writes a file to stdout: only now, when it is whole and checked. */
async function pour(
  context: CommandContext,
  result: FetchResult | undefined,
  { folder }: Place,
): Promise<void> {
  if (!result?.ok) return;
  const file = createReadStream(result.file.path, { highWaterMark: 256 * 1024 });
  // Gone by its name before it is read: a reader that goes away ends this process at once.
  await new Promise((opened, failed) => file.once('open', opened).once('error', failed));
  if (process.platform !== 'win32') await rm(folder, { recursive: true, force: true });
  await context.io.outAll(file);
}

/** Says what became of each file; the worst exit code wins. */
async function report(
  context: CommandContext,
  wanted: Wanted,
  results: FetchResult[],
  toStdout: boolean,
): Promise<number> {
  const { json } = context;
  let exit = 0;
  results.forEach((result, index) => {
    if (result.ok) {
      if (!json && !toStdout) context.print(result.file.path);
      return;
    }
    if (result.failure === 'aborted') throw new WxError('cancelled', 'the download was stopped');
    const failure = FAILURES[result.failure];
    exit = Math.max(exit, failure.exit);
    if (json) return;
    const { kind, name } = (wanted.sources[index] as WantedSource).source;
    context.say(`wxagent: ${(name && plainFileName(name)) || kind}: ${result.detail}`);
    if (failure.hint) context.say(`hint: ${failure.hint}`);
  });
  if (json) {
    const files = await Promise.all(
      wanted.sources.map(({ source }, index) => fileLine(source, results[index] as FetchResult)),
    );
    context.printJson('download', { message: wanted.message, files });
  }
  return exit;
}

/** One file of the JSON document. */
async function fileLine(
  { kind, name, sizeBytes, md5 }: WantedSource['source'],
  result: FetchResult,
): Promise<object> {
  if (result.ok) {
    const { path, mime, ...file } = result.file;
    const type = mime ?? (await typeByName(file.name));
    return { path, name: file.name, kind, mime: type, sizeBytes: file.sizeBytes, md5: file.md5, error: null };
  }
  const error = result.detail;
  return { path: null, name: name && plainFileName(name), kind, mime: null, sizeBytes, md5, error };
}
