import { setTimeout as delay } from 'node:timers/promises';
import type { SimulatorOptions } from '../../src/simulator/simulator.ts';
import { answers, loggedIn, simulate } from './simulated.ts';
import { startWxagent, type Wxagent, wxagent } from './wxagent.ts';

/** What is done to the built runner. */
export interface ChaosPlan {
  seed: number;
  messages: number;
  users: number;
  /** Milliseconds over which the messages are written. */
  overMs: number;
  /** How long it may take until all is answered once it is quiet again. */
  settleMs: number;
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
  /** What the store holds in the end. */
  outbox: { queued: number; sending: number; held: number };
  /** Everything that happened to one text, for the message of a failed test. */
  history(text: string): string;
}

/** The agent says a text again; every fifth one in two pieces, so that a kill can come in between. */
const AGENT = `read -r text; echo '{"text":"'"$text"'"}'; case $text in *[05].) sleep 0.2; echo '{"text":"'"\${text%.}!"'"}' ;; esac`;

/** What the agent says to a text, in order. */
export function piecesOf(text: string): string[] {
  return /[05]\.$/.test(text) ? [text, text.replace('.', '!')] : [text];
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
  });
  const { control } = simulator;
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
  });

  const written = new Map<string, string[]>();
  const write = (user: string, text: string): void => {
    const texts = written.get(user) ?? [];
    written.set(user, texts);
    texts.push(text);
    control.message({ user, text });
  };
  const users = Array.from({ length: plan.users }, (_, index) => `user${index}@im.wechat`);
  const start = (): Wxagent =>
    startWxagent(
      [
        ...['run', '--exec', AGENT, '--output', 'jsonl', '--allow-all', '--pace', '0', '--no-typing'],
        ...['--base-url', simulator.baseUrl],
      ],
      { home },
    );

  let kills = 0;
  let runner = start();
  const logs: Wxagent[] = [runner];
  const end = performance.now() + plan.overMs;
  const killing = (async () => {
    while (performance.now() < end) {
      await delay(400 + roll() * 1_600);
      runner.signal('SIGKILL');
      await runner.exited;
      kills++;
      runner = start();
      logs.push(runner);
    }
  })();
  for (let n = 0; n < plan.messages; n++) {
    const user = users[Math.floor(roll() * users.length)] as string;
    control.changeSettings({ duplicate: DUPLICATES[Math.floor(roll() * DUPLICATES.length)] });
    write(user, `${user.split('@')[0]}-m${String(n).padStart(5, '0')}.`);
    await delay((plan.overMs / plan.messages) * 2 * roll());
  }
  await killing;

  // Quiet again. Parts held by a refusal or a spent budget go when their user writes, so whoever misses
  // an answer writes again until everything has come through.
  control.clearFaults();
  control.changeSettings({ duplicate: 'off' });
  const missing = (): string[] => {
    const text = answers(simulator).join('\n');
    const lost = new Set(control.lost().map((message) => message.text));
    return [...written]
      .filter(([, texts]) =>
        texts.some((one) => !lost.has(one) && piecesOf(one).some((piece) => !text.includes(piece))),
      )
      .map(([user]) => user);
  };
  const giveUpAt = performance.now() + plan.settleMs;
  while (missing().length > 0 && performance.now() < giveUpAt) {
    for (const user of missing()) control.message({ user, text: 'are you there?' });
    await delay(3_000);
  }
  await runner.stop();
  const status = await wxagent(['status', '--json'], { home });
  const failed = await wxagent(['messages', '--since', '1h', '--json'], { home });
  const states = JSON.parse(failed.stdout).messages as { text: string; state: string }[];

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
    givenUp: new Set(states.filter((message) => message.state === 'failed').map((message) => message.text)),
    outbox: JSON.parse(status.stdout).accounts[0].outbox,
    history(text) {
      const told = logs.map(
        (log, index) => `runner ${index}:\n${log.stderr.split('\n').slice(-6).join('\n')}`,
      );
      const store = states.find((message) => message.text === text);
      const phone = lines.filter((line) => piecesOf(text).some((piece) => line.text.includes(piece)));
      return [
        `seed ${plan.seed}, ${text}`,
        `store: ${JSON.stringify(store)}`,
        `phone: ${JSON.stringify(phone)}`,
        ...told,
      ].join('\n');
    },
  };
}
