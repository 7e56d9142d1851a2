import type { SimulatorControl } from '../../src/simulator/control/control.ts';
import { jsonLines, type Wxagent } from './wxagent.ts';

/** How often the simulator is asked what it was asked: it keeps only so many requests. */
const LOOK_MS = 250;

/** What happened, in short lines by user, for the message of a failed test. */
export interface ChaosHistory {
  /** Something that concerns everybody. */
  note(line: string): void;
  /** Takes down what a runner says: its events with those they are about, its warnings for everybody. */
  watch(name: string, runner: Wxagent): void;
  /** Everything about a user, and what concerns everybody, by time. */
  of(user: string): string;
  end(): void;
}

interface Entry {
  atMs: number;
  line: string;
}

/** See {@link ChaosHistory}. */
export function createChaosHistory(control: SimulatorControl): ChaosHistory {
  const startedAtMs = Date.now();
  const common: Entry[] = [];
  const byUser = new Map<string, Entry[]>();
  let seen = 0;

  function add(user: unknown, line: string, atMs = Date.now()): void {
    if (typeof user !== 'string') {
      common.push({ atMs, line });
      return;
    }
    const entries = byUser.get(user) ?? [];
    byUser.set(user, entries);
    entries.push({ atMs, line });
  }

  function look(): void {
    for (const { n, endpoint, body, fault, timeMs } of control.requests({ after: seen })) {
      if (n > seen + 1) add(null, `(${n - seen - 1} requests were not seen)`);
      seen = n;
      const asked = fault === null ? endpoint : `${endpoint} (${fault})`;
      if (endpoint === 'sendmessage') {
        const msg = (body as { msg: Record<string, unknown> }).msg;
        const user = fault === null ? msg.to_user_id : null;
        add(user, `${asked} ${msg.to_user_id} ${msg.client_id} ${JSON.stringify(msg.item_list)}`, timeMs);
      } else if (fault !== null) add(null, asked, timeMs);
    }
  }
  const looking = setInterval(look, LOOK_MS);
  const stopListening = control.onShown(({ timeMs, from, user, text, clientId }) =>
    add(user, from === 'user' ? `writes "${text}"` : `is shown ${clientId} "${text}"`, timeMs),
  );

  return {
    note: (line) => add(null, line),
    watch(name, runner) {
      onLines(runner.child.stdout, (line) => {
        for (const { v, account, ...event } of jsonLines(line)) {
          // What is not delivered may stop others of the account too.
          const isStop = event.type === 'part' && event.verdict !== 'confirmed';
          add(isStop ? null : event.user, `${name} says ${JSON.stringify(event)}`);
        }
      });
      onLines(runner.child.stderr, (line) => {
        // What it says of messages and parts is in its events too.
        if (!/^[\d:]+ (<-|->|a duplicate) /.test(line)) add(null, `${name} logs ${line}`);
      });
    },
    of(user) {
      look();
      return [...common, ...(byUser.get(user) ?? [])]
        .sort((a, b) => a.atMs - b.atMs)
        .map(({ atMs, line }) => `${((atMs - startedAtMs) / 1000).toFixed(3).padStart(8)} ${line}`)
        .join('\n');
    },
    end() {
      clearInterval(looking);
      stopListening();
    },
  };
}

/** Calls back for every whole line of a stream of text; what a kill has cut short is none. */
function onLines(stream: NodeJS.ReadableStream | null, listener: (line: string) => void): void {
  let rest = '';
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) listener(line);
  });
}
