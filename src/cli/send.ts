import { WxError } from '../core/errors.ts';
import { newUuid } from '../core/ids.ts';
import { VERSION } from '../core/version.ts';
import { createDelivery } from '../runner/delivery.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../runner/options.ts';
import { pollOnce } from '../runner/poll-once.ts';
import { textParts } from '../runner/reply.ts';
import type { Account } from '../store/accounts-file.ts';
import { lockHolder, tryLock } from '../store/lock.ts';
import type { NewPart, PartView, Store } from '../store/port.ts';
import { codeBlock } from '../text/code-block.ts';
import type { CommandContext } from './context.ts';
import { chooseAccount, connect, loginDigest, openHomeStore, openTransport, thisProcess } from './home.ts';
import { wordsOf } from './words.ts';

/** How often a waiting `send` looks whether the runner beside it has delivered. */
const LOOK_EVERY_MS = 100;

/** What is to be sent, and to whom. */
interface Sending {
  account: Account;
  user: string;
  parts: NewPart[];
  waitMs: number;
}

/** `wxagent send`: puts a text into the outbox and waits for its verdict. */
export async function send(context: CommandContext, words: string[]): Promise<number> {
  const { to, stdin, sendFormat, wait, strict } = context.settings([
    'to',
    'stdin',
    'sendFormat',
    'wait',
    'strict',
  ]);
  const text = await textToSend(context, words, stdin);
  const account = chooseAccount(context);
  const store = openHomeStore(context);
  try {
    await store.openAccount({
      account: account.key,
      login: loginDigest(account),
      owner: account.owner,
      nowMs: context.clock.now(),
    });
    const user =
      to ?? context.environment.get('WXAGENT_USER') ?? account.owner ?? (await learnedOwner(store, account));
    const format = sendFormat === 'wechat' ? 'wechat' : 'raw';
    const parts = textParts(
      sendFormat === 'code' ? codeBlock(text) : text,
      { maxChars: DEFAULT_RUNNER_OPTIONS.maxChars, format },
      { origin: 'send', runId: newUuid() },
    );
    const { views, expired } = await deliver(context, store, { account, user, parts, waitMs: wait });
    return report(context, account, user, views, expired, strict);
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

async function learnedOwner(store: Store, account: Account): Promise<string> {
  const owner = (await store.accountView(account.key))?.owner;
  if (owner) return owner;
  throw new WxError('usage', `the owner of ${account.id} is not known yet: who is to get this?`, {
    hint: 'wxagent send --to <user> ...',
  });
}

/** Queues the parts; delivers them, or waits for the runner that does. */
async function deliver(
  context: CommandContext,
  store: Store,
  sending: Sending,
): Promise<{ views: PartView[]; expired: boolean }> {
  const { account, user, parts } = sending;
  const queued = await store.enqueue({
    account: account.key,
    user,
    parts,
    message: context.environment.get('WXAGENT_MESSAGE_ID') ?? null,
    nowMs: context.clock.now(),
  });
  const seqs = queued.map((part) => part.seq);
  const giveUpAt = context.clock.monotonic() + sending.waitMs;
  const expired = lockHolder(context.paths.pollerLock(account.key))
    ? false
    : await deliverHere(context, store, sending, giveUpAt);
  const views = await verdicts(context, store, seqs, expired ? 0 : giveUpAt);
  return { views, expired };
}

/** Delivers without a runner; first fetches a fresh context when there is none. Returns whether the login is dead. */
async function deliverHere(
  context: CommandContext,
  store: Store,
  { account, user }: Sending,
  giveUpAt: number,
): Promise<boolean> {
  const { clock, log } = context;
  const transport = openTransport(context);
  let expired = false;
  try {
    const client = connect(context, account, transport);
    const login = loginDigest(account);
    if (!(await store.reachable({ account: account.key, user, nowMs: clock.now() }))) {
      const taken = tryLock(context.paths.pollerLock(account.key), thisProcess());
      // A runner that has come up meanwhile polls by itself.
      if ('lock' in taken) {
        try {
          const polled = await pollOnce({
            account: { key: account.key, login, owner: account.owner },
            store,
            client,
            settings: DEFAULT_RUNNER_OPTIONS,
            clock,
            log,
            patienceMs: 0,
            signal: context.stopSignal(),
          });
          if (polled.expired) return true;
        } finally {
          taken.lock.release();
        }
      }
    }
    const delivery = createDelivery({
      account: account.key,
      store,
      client,
      clock,
      log,
      emit() {},
      paceMs: DEFAULT_RUNNER_OPTIONS.paceMs,
      version: VERSION,
      onExpired: () => {
        expired = true;
      },
      onError: (error) => log.error(String(error)),
    });
    delivery.kick(user);
    const late = new AbortController();
    await Promise.race([
      delivery.settled(Math.max(0, giveUpAt - clock.monotonic())),
      clock.sleep(Math.max(0, giveUpAt - clock.monotonic()), late.signal),
    ]);
    late.abort();
    await delivery.stop();
    if (expired) await store.markLogin({ account: account.key, login, expired: true });
    return expired;
  } finally {
    await transport.close();
  }
}

/** The parts as they stand when all have a verdict, or when the time is up. */
async function verdicts(
  context: CommandContext,
  store: Store,
  seqs: readonly number[],
  giveUpAt: number,
): Promise<PartView[]> {
  for (;;) {
    const views = await store.parts(seqs);
    const open = views.some((part) => part.state === 'queued' || part.state === 'sending');
    if (!open || context.clock.monotonic() >= giveUpAt) return views;
    await context.clock.sleep(LOOK_EVERY_MS);
  }
}

/** Says what became of the parts; the worst of them is the exit code (contract 2). */
function report(
  context: CommandContext,
  account: Account,
  user: string,
  views: PartView[],
  expired: boolean,
  strict: boolean,
): number {
  const exit = expired ? 77 : Math.max(0, ...views.map((part) => exitOf(part, strict)));
  if (context.json) {
    const parts = views.map((part) => ({
      clientId: part.clientId,
      kind: part.kind,
      name: null,
      verdict: part.state,
      reason: part.reason,
      messageId: part.serverId,
    }));
    context.printJson('send', { account: account.id, user, parts, exit });
    return exit;
  }
  if (context.io.stderrIsTerminal || exit !== 0) context.io.err(`${sentence(context, views, expired)}\n`);
  return exit;
}

function sentence(context: CommandContext, views: PartView[], expired: boolean): string {
  const words = wordsOf(context.language);
  const of = (...states: PartView['state'][]): PartView[] =>
    views.filter((part) => states.includes(part.state));
  const [confirmed, unconfirmed, refused] = [of('confirmed'), of('unconfirmed'), of('refused', 'expired')];
  const held = of('held');
  const waiting = of('queued', 'sending', 'uploading', 'merged');
  const counts = [
    confirmed.length > 0 && words.confirmed(confirmed.length),
    unconfirmed.length > 0 && words.unconfirmed(unconfirmed.length),
    refused.length > 0 && words.refused(refused.length, refused[0]?.reason ?? ''),
    held.length > 0 && words.held(held.length, held[0]?.reason ?? ''),
    waiting.length > 0 && words.waiting(waiting.length),
    expired && `${words.tokenDead}; hint: wxagent login`,
  ];
  return `-> ${counts.filter((one) => one !== false).join(', ')}`;
}

function exitOf(part: PartView, strict: boolean): number {
  switch (part.state) {
    case 'confirmed':
      return 0;
    case 'unconfirmed':
      return strict ? 76 : 0;
    case 'refused':
    case 'expired':
      return 65;
    default:
      return 75;
  }
}
