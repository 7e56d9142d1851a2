import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { chooseAgent } from '../../../../src/cli/agent/choose-agent.ts';
import { type CommandContext, createContext } from '../../../../src/cli/port/context.ts';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { longFlag, readEnvironment } from '../../../../src/settings/resolve-settings.ts';
import { SETTINGS, type Setting, type SettingName } from '../../../../src/settings/settings-table.ts';
import type { AgentKind } from '../../../../src/settings/tables/setting-row.ts';
import { makeFolder } from '../../../helpers/wxagent.ts';

type Values = Partial<Record<SettingName, unknown>>;

function contextOf(flags: Values, stored: Values = {}): Promise<CommandContext> {
  const host = {
    io: { err() {}, stdinIsTerminal: false, stderrIsTerminal: false } as unknown as CommandContext['io'],
    environment: readEnvironment({ PATH: process.env.PATH }),
    clock: systemClock,
    cwd: process.cwd(),
    bin: 'wxagent',
    stopSignal: () => new AbortController().signal,
    passSignals: () => () => {},
  };
  const folder = makeFolder();
  const config = join(folder, 'settings.json');
  writeFileSync(config, JSON.stringify(stored));
  return createContext(host, { ...flags, home: join(folder, 'home'), config });
}

/** A good choice of every kind. */
const CHOICES: Record<AgentKind, { flags: Values; command?: string[] }> = {
  exec: { flags: { exec: 'cat' } },
  command: { flags: {}, command: ['cat'] },
  coprocess: { flags: { coprocess: 'cat' } },
  acp: { flags: { acp: 'cat -u' } },
  http: { flags: { http: 'http://127.0.0.1:9/' } },
  openai: { flags: { openai: 'http://127.0.0.1:9/v1', model: 'm' } },
  echo: { flags: { echo: true } },
};
const KINDS = Object.keys(CHOICES) as AgentKind[];
const tuning = Object.entries<Setting>(SETTINGS).filter(([, { goesWith }]) => goesWith);

/** A value that a setting takes. */
function exampleOf({ kind, choices }: Setting): unknown {
  if (kind === 'list') return ['a: b'];
  return choices?.[0] ?? (kind === 'duration' ? '5s' : 'a');
}

test.each(tuning)(
  '%s is refused beside agents that take no notice of it, unless it is stored',
  async (name, setting) => {
    const others = KINDS.filter((kind) => !setting.goesWith?.includes(kind));
    expect(others).not.toEqual([]);
    for (const kind of others) {
      const { flags, command = [] } = CHOICES[kind];
      const value = { [name]: exampleOf(setting) };
      await expect(chooseAgent(await contextOf({ ...flags, ...value }), command), kind).rejects.toMatchObject(
        {
          kind: 'usage',
          message: expect.stringMatching(new RegExp(`^${longFlag(setting)} goes with --`)),
        },
      );
      expect(await chooseAgent(await contextOf(flags, value), command)).toMatchObject({ kind });
    }
  },
);

describe('the agent', () => {
  it.each(KINDS)('may be %s', async (kind) => {
    const { flags, command = [] } = CHOICES[kind];
    expect(await chooseAgent(await contextOf(flags), command)).toMatchObject({ kind });
  });

  it('that is given as a flag stands for one that is stored', async () => {
    expect(await chooseAgent(await contextOf({ echo: true }, { exec: 'cat' }), [])).toMatchObject({
      kind: 'echo',
    });
    expect(await chooseAgent(await contextOf({}, { exec: 'cat' }), ['cat'])).toMatchObject({
      kind: 'command',
    });
    expect(await chooseAgent(await contextOf({}, { exec: 'cat' }), [])).toMatchObject({ kind: 'exec' });
  });

  it('is one, also of those that are stored', async () => {
    const two = chooseAgent(await contextOf({}, { exec: 'cat', echo: true }), []);
    await expect(two).rejects.toThrow('run takes one agent, not 2: --exec, --echo');
  });
});
