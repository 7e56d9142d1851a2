import { WxError } from '../core/errors.ts';
import { newUuid } from '../core/ids.ts';
import { keepWasmAsItIs } from '../core/v8-flags.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../runner/options.ts';
import { createOutgoing, type Outgoing } from '../runner/outgoing.ts';
import { replyParts } from '../runner/reply.ts';
import type { Account } from '../store/accounts-file.ts';
import { lockHolder } from '../store/lock.ts';
import { type NewPart, OPEN_PART_STATES, type PartFile, type PartView, type Store } from '../store/port.ts';
import { codeBlock } from '../text/code-block.ts';
import type { CommandContext } from './context.ts';
import { deliverHere } from './deliver-here.ts';
import { chooseAccount, loginDigest, openHomeStore } from './home.ts';
import { createPatience, type Patience } from './patience.ts';
import { contentToSend, keepFiles, type SendContent } from './send-content.ts';
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

/** `wxagent send`: puts a text and files into the outbox and waits for their verdict. */
export async function send(context: CommandContext, words: string[]): Promise<number> {
  const flags = context.settings(['sendFormat', 'wait', 'id', 'key', 'ttl', 'hold', 'strict']);
  const content = await contentToSend(context, words);
  const store = openHomeStore(context);
  try {
    const target = await findTarget(context, store);
    const outgoing = createOutgoing(context.paths.media('out', target.key));
    const seqs = await enqueue(context, store, target, { ...content, outgoing });
    const patience = createPatience(context.clock, flags.wait);
    const expired = await deliver(context, store, target, patience);
    let parts = await verdicts(context, store, seqs, expired ? null : patience);
    const waiting = parts.filter((part) => OPEN_PART_STATES.includes(part.state)).map((part) => part.seq);
    const dropped = !flags.hold && waiting.length > 0;
    if (dropped) {
      const drop = { account: target.key, seqs: waiting, reason: 'no-hold', nowMs: context.clock.now() };
      await store.dropParts(drop);
      parts = await store.parts(seqs);
    }
    const files = parts.flatMap(({ file }) => file?.path ?? []);
    await outgoing.discard(await store.unneededFiles(files));
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

/** Copies the files and queues everything; the numbers of the parts. With an `--id` that is known, those of before. */
async function enqueue(
  context: CommandContext,
  store: Store,
  target: Target,
  { text, files, outgoing }: SendContent & { outgoing: Outgoing },
): Promise<number[]> {
  const { sendFormat, id, key, ttl } = context.settings(['sendFormat', 'id', 'key', 'ttl']);
  const kept = await keepFiles(context, files, outgoing);
  if (files.length > 0) keepWasmAsItIs();
  const nowMs = context.clock.now();
  const queued = await store.enqueue({
    account: target.key,
    user: target.user,
    message: context.environment.get('WXAGENT_MESSAGE_ID') ?? null,
    parts: await partsOf(store, target, { text, kept, form: sendFormat, outgoing, nowMs }),
    id,
    key,
    expiresAtMs: ttl === null ? null : nowMs + ttl,
    nowMs,
  });
  // Copies for an --id that was known.
  await outgoing.discard(await store.unneededFiles(kept.map(({ path }) => path)));
  return queued.map((part) => part.seq);
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
  store: Store,
  target: Target,
  content: {
    text: string | null;
    kept: PartFile[];
    form: 'wechat' | 'raw' | 'code';
    outgoing: Outgoing;
    nowMs: number;
  },
): Promise<NewPart[]> {
  const { text, kept, form, outgoing, nowMs } = content;
  const budgetLeft = async (): Promise<number> => {
    const { left, isOpen } = await store.budget({ account: target.key, user: target.user, nowMs });
    // Without an open window the text waits for the user's next message, and then has a whole budget.
    return isOpen ? left : Number.POSITIVE_INFINITY;
  };
  const texts = text === null ? [] : [{ text: form === 'code' ? codeBlock(text) : text }];
  return replyParts(
    [...texts, ...kept.map((file) => ({ kept: file }))],
    { ...DEFAULT_RUNNER_OPTIONS, format: form === 'wechat' ? 'wechat' : 'raw' },
    { origin: 'send', runId: newUuid() },
    { budgetLeft, outgoing, nowMs },
  );
}

/** Delivers, unless a runner does. Returns whether the login is dead. */
async function deliver(
  context: CommandContext,
  store: Store,
  target: Target,
  patience: Patience,
): Promise<boolean> {
  const { account, user } = target;
  const runs = lockHolder(context.paths.pollerLock(target.key)) !== null;
  if (runs || account === null) return false;
  return target.isLoginDead || deliverHere(context, store, { account, user }, patience);
}

/**
 * The parts as they stand when all have a verdict, or when the time is up (`patience` null: now), which an upload by
 * the runner beside this does not use up. Merged ones have the verdict of their text.
 */
async function verdicts(
  context: CommandContext,
  store: Store,
  seqs: readonly number[],
  patience: Patience | null,
): Promise<PartView[]> {
  for (;;) {
    const views = await Promise.all((await store.parts(seqs)).map((part) => whatItWentIn(store, part)));
    const open = views.some((part) => part.state !== 'held' && OPEN_PART_STATES.includes(part.state));
    if (!open || patience === null || patience.leftMs() === 0) return views;
    // Its first try: one that has failed has a reason.
    if (views.some((part) => part.state === 'uploading' && part.reason === null)) patience.renew();
    await context.clock.sleep(LOOK_EVERY_MS);
  }
}

/** A part that was merged into others when its user wrote: the one that carries it now. */
async function whatItWentIn(store: Store, part: PartView): Promise<PartView> {
  if (part.mergedInto === null) return part;
  const [carrier] = await store.parts([part.mergedInto]);
  return carrier ? whatItWentIn(store, carrier) : part;
}
