import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Simulator, SimulatorOptions } from '../../src/simulator/simulator.ts';
import { createChaosHistory } from './chaos-history.ts';
import { runHere } from './in-this-process.ts';
import { loggedIn, simulate } from './simulated.ts';
import { startWxagent, type Wxagent } from './wxagent.ts';

/** What is done to the built runner. */
export interface ChaosPlan {
  seed: number;
  messages: number;
  users: number;
  mode: 'replay' | 'destructive';
  dedupe: boolean;
}

/** What the phones show in the end. */
export interface ChaosReport {
  seed: number;
  kills: number;
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
  outbox: { queued: number; sending: number; held: number };
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
export function expectShown(report: ChaosReport, isRight: (times: number, text: string) => boolean): void {
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
export function expectOrder(report: ChaosReport): void {
  for (const [user, shown] of report.order) {
    const kept = (report.written.get(user) ?? []).filter((text) => !report.lost.has(text));
    const pieces = kept.flatMap(piecesOf);
    const order = shown.filter((piece) => pieces.includes(piece));
    const expected = pieces.filter((piece) => order.includes(piece));
    expect(order, `order of ${user}, seed ${report.seed}`).toEqual(expected);
  }
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

/** So many messages wait for their outcome at once: enough that each kill meets all stages of a message. */
const WAITING = 40;

/** A runner is killed when it has told of so many events: at least, and so many more by chance. */
const KILLED_AFTER = { least: 30, more: 120 };

/** The account as `status` shows it. */
interface AccountStatus {
  inbox: { received: number; running: number };
  outbox: ChaosReport['outbox'];
  users: { id: string; hold: { reason: string } | null }[];
}

/** Waits until the condition holds, however long that takes: the test's own end is the limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

async function accountIn(home: string): Promise<AccountStatus> {
  const { stdout, stderr } = await runHere(['status', '--json'], { home });
  if (stdout === '') throw new Error(stderr);
  return (JSON.parse(stdout) as { accounts: AccountStatus[] }).accounts[0] as AccountStatus;
}

/** Ends what misbehaves, and waits until the program says that all is answered, and says so twice. */
async function settle(plan: ChaosPlan, { control }: Simulator, home: string): Promise<void> {
  control.clearFaults();
  control.changeSettings({ duplicate: 'off' });
  const giveUpAt = performance.now() + SETTLE_MS;
  for (let looks = 0; looks < 2 && performance.now() < giveUpAt; ) {
    await delay(LOOK_MS);
    const { inbox, outbox, users } = await accountIn(home);
    // Parts held by a refusal or a spent budget go when their user writes, so they do; a throttle ends by itself.
    const waiting = users.filter(({ hold }) => hold !== null && hold.reason !== 'throttle');
    for (const { id } of waiting) control.message({ user: id, text: 'are you there?' });
    const open = [inbox.received, inbox.running, outbox.queued, outbox.sending, outbox.held];
    // What was lost comes again in `replay`, and never else.
    if (plan.mode === 'replay') open.push(control.lost().length);
    looks = open.every((count) => count === 0) ? looks + 1 : 0;
  }
}

const DUPLICATES: SimulatorOptions['duplicate'][] = ['off', 'off', 'same-id', 'new-id', 'no-id'];

/** Writes messages while the wire misbehaves and the runner is killed again and again; then lets everything settle. */
export async function runChaos(plan: ChaosPlan): Promise<ChaosReport> {
  const roll = random(plan.seed);
  const simulator = await simulate({
    seed: plan.seed,
    mode: plan.mode,
    dedupe: plan.dedupe,
    strangers: true,
    holdMs: 300,
    duplicateAfterMs: 200,
    transcriptLimit: plan.messages * 10,
    requestLimit: 2_000,
  });
  const { control } = simulator;
  const happened = createChaosHistory(control);
  const { home } = loggedIn(simulator);
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

  const written = new Map<string, string[]>();
  const write = (user: string, text: string): void => {
    const texts = written.get(user) ?? [];
    written.set(user, texts);
    texts.push(text);
    control.message({ user, text });
  };
  const users = Array.from({ length: plan.users }, (_, index) => `user${index}@im.wechat`);
  let kills = 0;
  /** What all runners have told: it only grows, however slow the machine is. */
  let events = 0;
  let outcomes = 0;
  const start = (): Wxagent => {
    const runner = startWxagent(
      [
        ...['run', '--exec', AGENT, '--output', 'jsonl', '--allow-all', '--pace', '0', '--no-typing'],
        ...['--base-url', simulator.baseUrl, '--json', '--verbose'],
      ],
      { home },
    );
    happened.watch(`runner ${kills}`, runner);
    runner.child.stdout?.on('data', (text: string) => {
      events += text.split('\n').length - 1;
      outcomes += text.split('"type":"outcome"').length - 1;
    });
    return runner;
  };
  let runner = start();
  let isWriting = true;
  const killing = (async () => {
    while (isWriting) {
      const enough = events + KILLED_AFTER.least + roll() * KILLED_AFTER.more;
      await until(() => events > enough || !isWriting);
      runner.signal('SIGKILL');
      await runner.exited;
      happened.note(`runner ${kills} is killed`);
      kills++;
      runner = start();
    }
  })();
  for (let n = 0; n < plan.messages; n++) {
    const user = users[Math.floor(roll() * users.length)] as string;
    control.changeSettings({ duplicate: DUPLICATES[Math.floor(roll() * DUPLICATES.length)] });
    write(user, `${user.split('@')[0]}-m${String(n).padStart(5, '0')}.`);
    // Those that the wire loses have no outcome: after a while the next is written all the same.
    const deadline = performance.now() + LOOK_MS;
    await until(() => n - outcomes < WAITING || performance.now() > deadline);
  }
  isWriting = false;
  await killing;
  happened.note('all is quiet again');

  await settle(plan, simulator, home);
  happened.note('the last runner is stopped');
  await runner.stop();
  const { outbox } = await accountIn(home);
  const list = async (...args: string[]) => JSON.parse((await runHere([...args, '--json'], { home })).stdout);
  const states: { text: string; state: string }[] = (await list('messages', '--since', '2h')).messages;
  const textsThatAre = (state: string) =>
    new Set(states.filter((message) => message.state === state).map(({ text }) => text));
  const open: { user: string }[] = (await list('outbox')).parts;
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
    kills,
    written,
    shown,
    order,
    lost: new Set(control.lost().map((message) => message.text)),
    givenUp: textsThatAre('failed'),
    done: textsThatAre('done'),
    outbox,
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
