import { type ErrorKind, reasonOf, WxError } from '../../core/errors.ts';
import { EXIT_CODES } from '../../core/exit-codes.ts';
import type { Account } from '../../home/config-file.ts';
import { accountIfAny } from '../account/choose-account.ts';
import { atStore } from '../account/store-place.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { table } from '../terminal/table.ts';
import { arrivalCheck } from './arrival.ts';
import type { Check } from './check.ts';
import {
  databaseCheck,
  diskCheck,
  foldersCheck,
  nodeCheck,
  openFilesCheck,
  platformCheck,
} from './machine.ts';
import { clockCheck, dnsCheck, proxyCheck, tcpCheck, tlsCheck, tokenCheck } from './wechat-server.ts';

/** Each depends on those before it: the first that fails is to be fixed first. */
const OF_MACHINE: readonly Check[] = [nodeCheck, platformCheck, foldersCheck, openFilesCheck, diskCheck];
const OF_SERVER: readonly Check[] = [proxyCheck, dnsCheck, tcpCheck, tlsCheck, clockCheck];

async function checksOfStore({ server }: CommandContext): Promise<readonly Check[]> {
  return server ? (await import('./database-server.ts')).SERVER_CHECKS : [databaseCheck];
}

/** A check whose outcome is known. */
function failing(name: string, error: WxError): Check {
  return { name, run: () => Promise.reject(error) };
}

interface Result {
  name: string;
  ok: boolean;
  detail: string;
  hint: string | null;
  durationMs: number;
  kind: ErrorKind | null;
}

/** `wxagent doctor`: looks at everything that has to work, and names what does not. */
export async function doctor(plain: CommandContext): Promise<number> {
  const { context, trouble } = await opened(plain);
  try {
    return await examineAll(context, trouble);
  } finally {
    await context.server?.close();
  }
}

/** The context with its store; without it where that cannot be opened, which is one thing among those to be told. */
async function opened(
  context: CommandContext,
): Promise<{ context: CommandContext; trouble: WxError | null }> {
  try {
    return { context: await atStore(context), trouble: null };
  } catch (error) {
    if (!(error instanceof WxError)) throw error;
    return { context, trouble: error };
  }
}

/** Runs every check with the store as it is open; `trouble` is why it is not. */
export async function checkAll(
  context: CommandContext,
  trouble: WxError | null = null,
): Promise<readonly Result[]> {
  const account = accountIfAny(context);
  const ofStore = trouble ? [failing('database', trouble)] : await checksOfStore(context);
  // Without the store nobody knows who is logged in.
  const ofAccount = trouble ? [] : [tokenCheck, arrivalCheck];
  const results: Result[] = [];
  for (const check of [...OF_MACHINE, ...ofStore, ...OF_SERVER, ...ofAccount])
    results.push(await examine(check, context, account));
  return results;
}

/** What programs are shown of checks. */
export function checksShown(results: readonly Result[]) {
  return { ok: results.every(({ ok }) => ok), checks: results.map(({ kind: _, ...result }) => result) };
}

async function examineAll(context: CommandContext, trouble: WxError | null): Promise<number> {
  const results = await checkAll(context, trouble);
  const first = results.find((result) => !result.ok);
  const exit = first?.kind ? EXIT_CODES[first.kind] : 0;
  if (context.json) {
    context.printJson('doctor', checksShown(results));
    return exit;
  }
  const { translate } = context;
  const { checks } = wordsOf(context.language);
  const shownName = ({ name }: Result): string => checks[name] ?? name;
  const rows = results.map((one) => [
    translate(one.ok ? 'ok' : 'FAIL'),
    shownName(one),
    translate(one.detail),
  ]);
  context.show(...table(rows));
  for (const one of results) if (one.hint !== null) context.say(`hint: ${shownName(one)}: ${one.hint}`);
  return exit;
}

async function examine(check: Check, context: CommandContext, account: Account | null): Promise<Result> {
  const startedAt = context.clock.monotonic();
  const took = (): number => Math.round(context.clock.monotonic() - startedAt);
  try {
    const detail = await check.run(context, account);
    return { name: check.name, ok: true, detail, hint: null, durationMs: took(), kind: null };
  } catch (error) {
    const known = error instanceof WxError ? error : new WxError('internal', reasonOf(error));
    const { message: detail, hint = null, kind } = known;
    // Elsewhere an error sends people here.
    const next = hint === 'wxagent doctor' ? null : hint;
    return { name: check.name, ok: false, detail, hint: next, durationMs: took(), kind };
  }
}
