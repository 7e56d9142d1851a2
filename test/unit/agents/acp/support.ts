import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { type AcpAgentOptions, createAcpAgent } from '../../../../src/agents/acp/agent.ts';
import type { Agent, TurnContext } from '../../../../src/agents/port/port.ts';
import type { Log } from '../../../../src/core/log.ts';
import type { Outcome, Turn } from '../../../../src/core/message/message.ts';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { contextIn, recordingLog, temporaryFolder, turnWith } from '../support.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/agents/${name}.mjs`, import.meta.url));

/** The argv of the well-behaved ACP agent. */
export const PARROT: [string, ...string[]] = [process.execPath, fixture('acp')];

/** The argv of one that imitates a real agent. */
export function real(who: string): [string, ...string[]] {
  return [process.execPath, fixture('acp-real'), who];
}

/** The argv of the misbehaving one. */
export function misbehaving(...args: string[]): [string, ...string[]] {
  return [process.execPath, fixture('acp-misbehave'), ...args];
}

/** An ACP agent under test, closed after the test, with everything it said to the log. */
export interface AcpUnderTest {
  agent: Agent;
  log: Log & { lines: string[] };
  folder: string;
  /** Processes started so far. */
  pids: number[];
  /** Processes of which nothing is left. */
  gone: number[];
  /** Answers a message in the same session as the one before. */
  answer(text?: string, changes?: Partial<TurnContext>, turn?: Partial<Turn>): Promise<Outcome>;
}

/** Makes one, with a clock that does not wait for restarts unless told otherwise. */
export function acpAgent(argv: [string, ...string[]], changes: Partial<AcpAgentOptions> = {}): AcpUnderTest {
  const log = recordingLog();
  const folder = temporaryFolder();
  const pids: number[] = [];
  const gone: number[] = [];
  const agent = createAcpAgent({
    name: 'under test',
    command: { argv },
    preset: null,
    account: { id: 'bot@im.bot', name: null },
    permission: 'deny',
    mustAsk: false,
    cwd: folder,
    parentEnv: { PATH: process.env.PATH },
    constants: { home: null, store: null, baseUrl: null, cdnUrl: null, bin: 'wxagent', version: '0' },
    clock: { ...systemClock, sleep: async () => {} },
    log,
    killGraceMs: 300,
    onStarted: async (pid) => void pids.push(pid),
    onEnded: async (pid) => void gone.push(pid),
    ...changes,
  });
  onTestFinished(() => agent.close?.());
  const kept = contextIn(folder);
  return {
    agent,
    log,
    folder,
    pids,
    gone,
    answer: (text = 'hello', context = {}, turn = {}) =>
      agent.answer(turnWith({ text, ...turn }), { ...kept, ...context }),
  };
}

/** The texts of a reply; fails with the outcome when it is none. */
export function textOf(outcome: Outcome): string {
  if (outcome.kind !== 'reply') throw new Error(`no reply: ${JSON.stringify(outcome)}`);
  return outcome.pieces
    .map((piece) => {
      if ('missing' in piece) return `!${piece.missing.name}`;
      return 'text' in piece ? piece.text : `<${piece.name}>`;
    })
    .join(' | ');
}
