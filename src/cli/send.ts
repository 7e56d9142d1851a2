import { WxError } from '../core/errors.ts';
import { newUuid } from '../core/ids.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../runner/options.ts';
import { createOutgoing } from '../runner/outgoing.ts';
import { replyParts } from '../runner/reply.ts';
import type { Account } from '../store/accounts-file.ts';
import { lockHolder } from '../store/lock.ts';
import { OPEN_PART_STATES, type PartView, type Store } from '../store/port.ts';
import { codeBlock } from '../text/code-block.ts';
import type { CommandContext } from './context.ts';
import { deliverHere } from './deliver-here.ts';
import { chooseAccount, loginDigest, openHomeStore } from './home.ts';
import { reportSend } from './send-report.ts';

/** How often a waiting `send` looks whether the runner beside it has delivered. */
const LOOK_EVERY_MS = 50;

/** Whom a text goes to, and through which account. */
interface Target {
  /** Key of the account in the store. */
  key: string;
  id: string;
  user: string;
  /** null inside an agent of an account whose token only the runner has: that one delivers. */
  account: Account | null;
  /** The server has said that this token is dead: nobody can deliver before a new login. */
  isLoginDead: boolean;
}

/** `wxagent send`: puts a text into the outbox and waits for its verdict. */
export async function send(context: CommandContext, words: string[]): Promise<number> {
  const flags = context.settings(['stdin', 'sendFormat', 'wait', 'id', 'key', 'ttl', 'hold', 'strict']);
  const text = await textToSend(context, words, flags.stdin);
  const store = openHomeStore(context);
  try {
    const target = await findTarget(context, store);
    const nowMs = context.clock.now();
    const queued = await store.enqueue({
      account: target.key,
      user: target.user,
      message: context.environment.get('WXAGENT_MESSAGE_ID') ?? null,
      parts: await partsOf(context, store, target, text, flags.sendFormat),
      id: flags.id,
      key: flags.key,
      expiresAtMs: flags.ttl === null ? null : nowMs + flags.ttl,
      nowMs,
    });
    const seqs = queued.map((part) => part.seq);
    const giveUpAtMs = context.clock.monotonic() + flags.wait;
    const expired = await deliver(context, store, target, giveUpAtMs);
    let parts = await verdicts(context, store, seqs, expired ? 0 : giveUpAtMs);
    const waiting = parts.filter((part) => OPEN_PART_STATES.includes(part.state)).map((part) => part.seq);
    const dropped = !flags.hold && waiting.length > 0;
    if (dropped) {
      const drop = { account: target.key, seqs: waiting, reason: 'no-hold', nowMs: context.clock.now() };
      await store.dropParts(drop);
      parts = await store.parts(seqs);
    }
    return reportSend(context, {
      account: target.id,
      user: target.user,
      parts,
      expired,
      strict: flags.strict,
      dropped,
    });
  } finally {
    await store.close();
  }
}

/** The text of the arguments, or of stdin. Throws WxError `usage` when there is none, or both. */
async function textToSend(context: CommandContext, words: string[], stdin: boolean): Promise<string> {
  if (words.length > 0) {
    if (stdin) throw new WxError('usage', 'send takes its text from the arguments or from --stdin, not both');
    return checkText(words.join(' '));
  }
  if (!stdin && context.io.stdinIsTerminal) {
    throw new WxError('usage', 'send needs a text', {
      hint: "wxagent send 'hello', or: echo hello | wxagent send",
    });
  }
  return checkText((await context.io.readStdin()).toString('utf8').replace(/\r?\n$/, ''));
}

function checkText(text: string): string {
  if (text.trim() === '') throw new WxError('usage', 'there is nothing to send: the text is empty');
  return text;
}

/** The account of `--account`, and the user of `--to`, of the agent that calls, or the owner. */
async function findTarget(context: CommandContext, store: Store): Promise<Target> {
  const account = await ownAccount(context, store);
  const { to } = context.settings(['to']);
  const asking = context.environment.get('WXAGENT_USER');
  if ('view' in account) {
    const user = to ?? asking ?? account.view.owner;
    return {
      key: account.id,
      id: account.id,
      user: user ?? unknownUser(account.id),
      account: null,
      isLoginDead: false,
    };
  }
  const { key, id, owner } = account;
  const opened = await store.openAccount({
    account: key,
    login: loginDigest(account),
    owner,
    nowMs: context.clock.now(),
  });
  const user = to ?? asking ?? owner ?? opened.owner ?? unknownUser(id);
  return { key, id, user, account, isLoginDead: opened.loginExpired };
}

/** A logged-in account; inside an agent one that the store knows will do, for the runner has its token. */
async function ownAccount(
  context: CommandContext,
  store: Store,
): Promise<Account | { id: string; view: { owner: string | null } }> {
  try {
    return chooseAccount(context);
  } catch (error) {
    const inside = context.environment.get('WXAGENT_MESSAGE_ID') !== undefined;
    const [id] = context.settings(['account']).account;
    const view = inside && id !== undefined ? await store.accountView(id) : null;
    if (view === null || id === undefined) throw error;
    return { id, view };
  }
}

function unknownUser(id: string): never {
  throw new WxError('usage', `the owner of ${id} is not known yet: who is to get this?`, {
    hint: 'wxagent send --to <user> ...',
  });
}

async function partsOf(
  context: CommandContext,
  store: Store,
  target: Target,
  text: string,
  form: 'wechat' | 'raw' | 'code',
) {
  const nowMs = context.clock.now();
  const { left, isOpen } = await store.budget({ account: target.key, user: target.user, nowMs });
  return replyParts(
    [{ text: form === 'code' ? codeBlock(text) : text }],
    { ...DEFAULT_RUNNER_OPTIONS, format: form === 'wechat' ? 'wechat' : 'raw' },
    { origin: 'send', runId: newUuid() },
    {
      // Without an open window the text waits for the user's next message, and then has a whole budget.
      budgetLeft: isOpen ? left : Number.POSITIVE_INFINITY,
      outgoing: createOutgoing(context.paths.media('out', target.key)),
      nowMs,
    },
  );
}

/** Delivers, unless a runner does. Returns whether the login is dead. */
async function deliver(
  context: CommandContext,
  store: Store,
  target: Target,
  giveUpAtMs: number,
): Promise<boolean> {
  const { account, user } = target;
  const runs = lockHolder(context.paths.pollerLock(target.key)) !== null;
  if (runs || account === null) return false;
  return target.isLoginDead || deliverHere(context, store, { account, user }, giveUpAtMs);
}

/** The parts as they stand when all have a verdict, or when the time is up. Merged ones have the verdict of their text. */
async function verdicts(
  context: CommandContext,
  store: Store,
  seqs: readonly number[],
  giveUpAtMs: number,
): Promise<PartView[]> {
  for (;;) {
    const views = await Promise.all((await store.parts(seqs)).map((part) => whatItWentIn(store, part)));
    const open = views.some((part) => part.state !== 'held' && OPEN_PART_STATES.includes(part.state));
    if (!open || context.clock.monotonic() >= giveUpAtMs) return views;
    await context.clock.sleep(LOOK_EVERY_MS);
  }
}

/** A part that was merged into others when its user wrote: the one that carries it now. */
async function whatItWentIn(store: Store, part: PartView): Promise<PartView> {
  if (part.mergedInto === null) return part;
  const [carrier] = await store.parts([part.mergedInto]);
  return carrier ? whatItWentIn(store, carrier) : part;
}
