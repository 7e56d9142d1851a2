import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { SimulatorControl } from '../../src/simulator/control/control.ts';
import type { UserMessage } from '../../src/simulator/phone/writing.ts';
import type { Simulator, SimulatorOptions } from '../../src/simulator/simulator.ts';
import { type ChaosHistory, createChaosHistory } from './chaos-history.ts';
import { runHere } from './in-this-process.ts';
import { expectOnePoller, type PollWatch, watchPolls } from './one-poller.ts';
import { simulate } from './simulated.ts';
import { type StartOptions, startWxagent, type Wxagent } from './wxagent.ts';

/** How long the chaos is, and what the server is like. */
export interface ChaosPlan {
  seed: number;
  messages: number;
  mode: 'replay' | 'destructive';
  dedupe: boolean;
}

/** Where the chaos is: what those who do harm have at hand. */
export interface Stage {
  seed: number;
  simulator: Simulator;
  /** The next number of the seed, from 0 to 1. */
  roll: () => number;
  happened: ChaosHistory;
  /** What all runners have told: it only grows, however slow the machine is. */
  readonly events: number;
  /** Whether messages are still written. */
  readonly isWriting: boolean;
  /** Starts a runner of the built program. */
  start(name: string, args: readonly string[], options: StartOptions): Wxagent;
}

/** The runners, and what is done to them. */
export interface Cast {
  /** Bots, and those who write to each. */
  bots: { id: string; users: string[] }[];
  /** How commands find the store. */
  at: Pick<StartOptions, 'home' | 'env'>;
  /** Does harm for as long as messages are written, and ends with all runners in order. */
  harm(): Promise<void>;
  /** What was done, by name. */
  readonly harms: readonly string[];
  /** Whether messages are to be written on, for harm that is not done yet. */
  hasMore(): boolean;
  /** Stops all runners, which leave in order. */
  stop(): Promise<void>;
}

/** What the phones show in the end. */
export interface ChaosReport {
  seed: number;
  /** See {@link Cast.harms}. */
  harms: readonly string[];
  /** Every text that was written, in order per user. */
  written: Map<string, string[]>;
  /** How often each piece of an answer is shown. */
  shown: Map<string, number>;
  /** Pieces in the order in which a user's phone first shows them. */
  order: Map<string, string[]>;
  /** Texts whose only delivery to the runner was lost on the wire, as the simulator knows. */
  lost: Set<string>;
  /** Texts whose message was given up with a notice. */
  givenUp: Set<string>;
  /** Texts whose message is done, as the store has it: they have an answer, whatever the simulator knows of the wire. */
  done: Set<string>;
  /** What the store holds in the end. */
  outbox: Record<'queued' | 'sending' | 'held' | 'delayed' | 'scheduled', number>;
  /** Faults of the program itself that runners have logged. */
  faults: string[];
  /** See {@link expectOnePoller}. */
  polls: ReturnType<PollWatch['end']>;
  /** Everything that happened to one text, for the message of a failed test. */
  history(text: string): string;
}

/** The agent says a text again; every fifth one in two pieces, so that a kill can come in between. */
const AGENT = `read -r text; echo '{"text":"'"$text"'"}'; case $text in *[05].) sleep 0.2; echo '{"text":"'"\${text%.}!"'"}' ;; esac`;

/** What the agent says to a text, in order. */
function piecesOf(text: string): string[] {
  return /[05]\.$/.test(text) ? [text, text.replace('.', '!')] : [text];
}

/**
 * Every piece of every answer is shown as often as `isRight` says. A failure names all that are not, and tells
 * everything that happened to the user of the first.
 */
function expectShown(report: ChaosReport, isRight: (times: number, text: string) => boolean): void {
  const wrong = [...report.written.values()].flat().flatMap((text) =>
    piecesOf(text)
      .map((piece) => ({ text, piece, times: report.shown.get(piece) ?? 0 }))
      .filter(({ times }) => !isRight(times, text)),
  );
  expect(wrong, wrong[0] && report.history(wrong[0].text)).toEqual([]);
}

/**
 * What is shown of the answers to a user is shown in the order in which their texts were written, and their pieces
 * said; but for those that the wire lost, whose duplicate may have come through later.
 */
function expectOrder(report: ChaosReport): void {
  for (const [user, shown] of report.order) {
    const kept = (report.written.get(user) ?? []).filter((text) => !report.lost.has(text));
    const pieces = kept.flatMap(piecesOf);
    const order = shown.filter((piece) => pieces.includes(piece));
    const expected = pieces.filter((piece) => order.includes(piece));
    expect(order, `order of ${user}, seed ${report.seed}`).toEqual(expected);
  }
}

/** What holds in `replay` with de-duplication: every piece of every answer is shown exactly once, and in order. */
export function expectEachOnce(report: ChaosReport): void {
  // A message that was given up has said some of its pieces, or all of them, and then the notice.
  expectShown(
    report,
    (times, text) => times === 1 || (times === 0 && report.givenUp.has(text) && !report.done.has(text)),
  );
  expectPeace(report);
}

/** What holds in `destructive`: only what the wire lost, or what was given up, is missing. */
export function expectOnlyLost(report: ChaosReport): void {
  const excused = (text: string) => report.lost.has(text) || report.givenUp.has(text);
  expectShown(report, (times, text) => times > 0 || (excused(text) && !report.done.has(text)));
  expectPeace(report);
}

/** What a long run came to, in one line. */
export function summaryOf({ seed, written, harms, lost, givenUp, polls }: ChaosReport): string {
  const countOf = (all: Iterable<readonly unknown[]>): number =>
    [...all].reduce((sum, { length }) => sum + length, 0);
  const counts = new Map<string, number>();
  for (const kind of harms) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [
    `seed ${seed}: ${countOf(written.values())} messages, ${countOf(polls.values())} polls`,
    ...[...counts].map(([kind, count]) => `${kind} ${count}`),
    `lost on the wire ${lost.size}, given up ${givenUp.size}`,
  ].join(', ');
}

function expectPeace(report: ChaosReport): void {
  expectOrder(report);
  expectOnePoller(report.polls, report.history(''));
  expect(report.outbox).toEqual({ queued: 0, sending: 0, held: 0, delayed: 0, scheduled: 0 });
  expect(report.faults).toEqual([]);
}

/** A small generator of numbers from 0 to 1 (mulberry32): the plan repeats with its seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How often it is looked whether all is answered, and how long at most once it is quiet again. */
const LOOK_MS = 1_500;
const SETTLE_MS = 10 * 60_000;

/** How slowly messages are written for harm that is not done yet. */
const SLOWLY_MS = 100;

/** So many messages wait for their outcome at once: enough that each kill meets all stages of a message. */
const WAITING = 40;

/** The account as `status` shows it. */
interface AccountStatus {
  inbox: { received: number; running: number };
  outbox: ChaosReport['outbox'];
  users: { id: string; hold: { reason: string } | null }[];
}

/** Waits until the condition holds, however long that takes: the test's own end is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

/** What a command says in JSON. */
async function tell<T>(at: Cast['at'], ...args: string[]): Promise<T> {
  const { stdout, stderr } = await runHere([...args, '--json'], at);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as T;
}

/** All accounts of the store together. */
async function accountsAt({ at }: Cast): Promise<AccountStatus> {
  const { accounts } = await tell<{ accounts: AccountStatus[] }>(at, 'status');
  const sum = (of: (account: AccountStatus) => number): number =>
    accounts.reduce((all, account) => all + of(account), 0);
  return {
    inbox: { received: sum(({ inbox }) => inbox.received), running: sum(({ inbox }) => inbox.running) },
    outbox: {
      queued: sum(({ outbox }) => outbox.queued),
      sending: sum(({ outbox }) => outbox.sending),
      held: sum(({ outbox }) => outbox.held),
      delayed: sum(({ outbox }) => outbox.delayed),
      scheduled: sum(({ outbox }) => outbox.scheduled),
    },
    users: accounts.flatMap(({ users }) => users),
  };
}

/** Ends what misbehaves, and waits until the program says that all is answered, and says so twice. */
async function settle(
  plan: ChaosPlan,
  { control }: Simulator,
  cast: Cast,
  write: (input: UserMessage) => void,
): Promise<void> {
  control.clearFaults();
  control.changeSettings({ duplicate: 'off' });
  const giveUpAt = performance.now() + SETTLE_MS;
  for (let looks = 0; looks < 2 && performance.now() < giveUpAt; ) {
    await delay(LOOK_MS);
    const { inbox, outbox, users } = await accountsAt(cast);
    // Parts held by a refusal or a spent budget go when their user writes, so they do; a throttle ends by itself.
    const waiting = users.filter(({ hold }) => hold !== null && hold.reason !== 'throttle');
    for (const { id } of waiting) write({ user: id, text: 'are you there?' });
    const open = [inbox.received, inbox.running, outbox.queued, outbox.sending, outbox.held];
    // What was lost comes again in `replay`, and never else.
    if (plan.mode === 'replay') open.push(control.lost().length);
    looks = open.every((count) => count === 0) ? looks + 1 : 0;
  }
}

const DUPLICATES: SimulatorOptions['duplicate'][] = ['off', 'off', 'same-id', 'new-id', 'no-id'];

/** What every runner of a chaos is started with, beside where it finds its accounts. */
export const CHAOS_RUN = [
  ...['run', '--exec', AGENT, '--output', 'jsonl', '--allow-all', '--pace', '0', '--no-typing'],
  ...['--json', '--verbose'],
];

/** Writes messages while the wire misbehaves and harm is done to the runners; then lets everything settle. */
export async function runChaos(plan: ChaosPlan, cast: (stage: Stage) => Promise<Cast>): Promise<ChaosReport> {
  const roll = random(plan.seed);
  const simulator = await simulate({
    seed: plan.seed,
    mode: plan.mode,
    dedupe: plan.dedupe,
    strangers: true,
    holdMs: 300,
    duplicateAfterMs: 200,
    transcriptLimit: plan.messages * 20,
    requestLimit: 20_000,
  });
  const { control } = simulator;
  const happened = createChaosHistory(control);
  const polls = watchPolls(control);
  let outcomes = 0;
  const faults: string[] = [];
  const stage = {
    ...{ seed: plan.seed, simulator, roll, happened, events: 0, isWriting: true },
    start(name: string, args: readonly string[], options: StartOptions): Wxagent {
      const runner = startWxagent(args, options);
      happened.watch(name, runner);
      runner.child.stdout?.on('data', (text: string) => {
        stage.events += text.split('\n').length - 1;
        outcomes += text.split('"type":"outcome"').length - 1;
      });
      runner.child.stderr?.on('data', (text: string) => {
        if (text.includes('internal error')) faults.push(`${name}: ${text}`);
      });
      return runner;
    },
  };
  const company = await cast(stage);
  misbehave(control, plan);

  const written = new Map<string, string[]>();
  const botOf = new Map(company.bots.flatMap(({ id, users }) => users.map((user) => [user, id])));
  const placeOf = (user: string): number => Math.max(...company.bots.map((bot) => bot.users.indexOf(user)));
  const write = (message: UserMessage & { user: string }): void => {
    const bot = botOf.get(message.user);
    control.message({ ...message, ...(bot === undefined ? {} : { bot }) });
  };
  // One of each bot, then another of each.
  const users = [...botOf.keys()].sort((a, b) => placeOf(a) - placeOf(b));
  let hasFailed = false;
  const harming = company.harm();
  harming.catch(() => {
    hasFailed = true;
  });
  for (let n = 0; !hasFailed && (n < plan.messages || company.hasMore()); n++) {
    // Some write more than others: they are the ones whose order can break.
    const user = users[Math.floor(roll() ** 2 * users.length)] as string;
    control.changeSettings({ duplicate: DUPLICATES[Math.floor(roll() * DUPLICATES.length)] });
    const text = `${user.split('@')[0]}-m${String(n).padStart(5, '0')}.`;
    written.set(user, [...(written.get(user) ?? []), text]);
    write({ user, text });
    // Those that the wire loses have no outcome, unless they come again; and after a while the next is written all the same.
    const lost = plan.mode === 'destructive' ? control.lost().length : 0;
    const deadline = performance.now() + LOOK_MS;
    await until(() => n - lost - outcomes < WAITING || performance.now() > deadline);
    if (n >= plan.messages) await delay(SLOWLY_MS);
  }
  stage.isWriting = false;
  await harming;
  happened.note('all is quiet again');

  await settle(plan, simulator, company, (message) => write(message as UserMessage & { user: string }));
  happened.note('the last runners are stopped');
  await company.stop();
  const { outbox } = await accountsAt(company);
  const states: { text: string; state: string }[] = [];
  const open: { user: string }[] = [];
  for (const { id } of company.bots) {
    const of = ['--account', id];
    states.push(
      ...(await tell<{ messages: typeof states }>(company.at, 'messages', '--since', '4h', ...of)).messages,
    );
    open.push(...(await tell<{ parts: typeof open }>(company.at, 'outbox', ...of)).parts);
  }
  const textsThatAre = (state: string) =>
    new Set(states.filter((message) => message.state === state).map(({ text }) => text));
  happened.end();

  const lines = control.phone().shown.filter((line) => line.from === 'bot');
  const shown = new Map<string, number>();
  const order = new Map<string, string[]>();
  for (const { user, text } of lines) {
    for (const one of text.match(/user\d+-m\d+[.!]/g) ?? []) {
      if (!shown.has(one)) order.set(user, [...(order.get(user) ?? []), one]);
      shown.set(one, (shown.get(one) ?? 0) + 1);
    }
  }
  return {
    seed: plan.seed,
    harms: company.harms,
    written,
    shown,
    order,
    lost: new Set(control.lost().map((message) => message.text)),
    givenUp: textsThatAre('failed'),
    done: textsThatAre('done'),
    outbox,
    faults,
    polls: polls.end(),
    history(text) {
      const user = [...written].find(([, texts]) => texts.includes(text))?.[0] ?? '';
      const own = (from: { user: string }): boolean => from.user === user;
      return [
        `seed ${plan.seed}, ${text}`,
        happened.of(user),
        `store: ${JSON.stringify(states.find((message) => message.text === text))}`,
        `outbox: ${JSON.stringify(open.filter(own))}`,
      ].join('\n');
    },
  };
}

/** What goes wrong between the runners and WeChat. */
function misbehave(control: SimulatorControl, plan: ChaosPlan): void {
  for (const endpoint of ['getupdates', 'sendmessage'] as const) {
    control.addFault({ endpoint, kind: 'reset', probability: 0.02 });
    control.addFault({ endpoint, kind: 'reset', probability: 0.02, processed: true });
    control.addFault({ endpoint, kind: 'cut', probability: 0.02 });
    control.addFault({ endpoint, kind: 'garbage', garbage: 'html', probability: 0.01 });
    control.addFault({ endpoint, kind: 'status', status: 524, probability: 0.02 });
    control.addFault({ endpoint, kind: 'delay', afterMs: 150, probability: 0.05 });
  }
  control.addFault({ endpoint: 'sendmessage', kind: 'status', status: 500, probability: 0.02 });
  control.addFault({
    endpoint: 'sendmessage',
    kind: 'answer',
    body: { ret: -2, errmsg: 'prepare failed' },
    probability: 0.02,
    count: 4,
    // It silences the whole account for half a minute: so that there is something to misbehave for, not too early.
    skip: plan.messages / 2,
  });
}
