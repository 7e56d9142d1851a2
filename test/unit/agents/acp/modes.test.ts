import { describe, expect, it } from 'vitest';
import type { AcpAgentOptions } from '../../../../src/agents/acp/agent.ts';
import { ACP_PRESETS } from '../../../../src/agents/acp/connection/presets.ts';
import { eventually, memoryOf, temporaryFolder } from '../support.ts';
import { acpAgent, real, textOf } from './support.ts';

const presetOf = (name: string) => ACP_PRESETS.find((one) => one.name === name) ?? null;
const policy = (permission: AcpAgentOptions['permission'], mustAsk = false) => ({ permission, mustAsk });
const UNASKED = /has no mode in which it asks/;

describe('the mode of an ACP agent', () => {
  it.each(['claude', 'gemini', 'qwen', 'kimi', 'copilot', 'opencode', 'options', 'grouped'])(
    'asks before it acts: %s, in a new session and in one that is taken up again',
    async (who) => {
      const memory = memoryOf(new Map());
      const cwd = temporaryFolder();
      for (const _ of ['new', 'taken up again']) {
        const { answer, agent, log } = acpAgent(real(who), {
          ...policy('deny', true),
          preset: presetOf(who),
          cwd,
        });
        const said = textOf(await answer('rm -rf build', { memory }));
        expect(said).toMatch(/^I will run that\.(?!.*done in)/);
        expect(log.lines.join('\n')).toContain('agent: denied (--permission deny): [execute]');
        expect(log.lines.join('\n')).not.toMatch(UNASKED);
        await agent.close?.();
      }
    },
  );

  it.each([
    ['ask', 'done in workspace-write'],
    ['deny', 'not done'],
    ['allow', 'done in agent'],
    ['agent', 'done in agent'],
  ] as const)('is, for codex and --permission %s, the one of its sandbox', async (permission, said) => {
    const { answer } = acpAgent(real('codex'), { permission, preset: presetOf('codex') });
    expect(textOf(await answer('rm -rf build'))).toContain(said);
  });

  it('is left alone with --permission agent, and what the agent asks all the same goes to the chat', async () => {
    const { answer } = acpAgent(real('gemini'), { permission: 'agent', preset: presetOf('gemini') });
    const questions: string[] = [];
    const ask = async (question: string) => {
      questions.push(question);
      return 'y';
    };
    expect(textOf(await answer('ls', { ask }))).toContain('done in default');
    expect(questions).toHaveLength(1);
    const claude = acpAgent(real('claude'), { permission: 'agent', preset: presetOf('claude') });
    expect(textOf(await claude.answer('ls', { ask }))).toContain('done in auto');
  });

  it.each(['bare', 'deaf', 'opencode'])(
    'is missing: %s is told of at the start, and works on',
    async (who) => {
      const { answer, agent, log } = acpAgent(real(who), policy('deny'));
      await agent.start?.();
      expect(log.lines.join('\n')).toMatch(UNASKED);
      expect(textOf(await answer('ls'))).toContain('done in');
      expect(log.lines.filter((line) => UNASKED.test(line))).toHaveLength(1);
    },
  );

  it.each(['bare', 'deaf', 'opencode'])('is missing: %s is refused where nobody chose that', async (who) => {
    const { answer, agent } = acpAgent(real(who), policy('deny', true));
    const refused = agent.start?.();
    await expect(refused).rejects.toMatchObject({ kind: 'usage', message: expect.stringMatching(UNASKED) });
    expect(await answer('ls')).toMatchObject({ kind: 'retry', detail: expect.stringMatching(UNASKED) });
    // One of a known name whose modes are others than it is known for.
    const known = acpAgent(real(who), { ...policy('deny', true), preset: presetOf('claude') });
    expect(await known.answer('ls')).toMatchObject({ kind: 'failed', again: false });
  });

  it('is that of the user where they have set what makes the agent ask', async () => {
    const preset = presetOf('opencode');
    const parentEnv = { PATH: process.env.PATH, OPENCODE_PERMISSION: '{"bash":"allow"}' };
    const { agent, log } = acpAgent(real('opencode'), { ...policy('ask'), preset, parentEnv });
    await agent.start?.();
    expect(log.lines.join('\n')).toMatch(UNASKED);
  });

  it('is put back when the agent changes it by itself, and one that insists is told of and not run', async () => {
    const wanders = acpAgent(real('wanders'), policy('deny'));
    expect(textOf(await wanders.answer('ls'))).toContain('not done');
    expect(wanders.log.lines.join('\n')).toContain('mode "auto" by itself; it was put back into "default"');
    const insists = acpAgent(real('insists'), policy('deny', true));
    await insists.answer('ls');
    await eventually(() => insists.log.lines.some((line) => line.includes('it may act without asking')));
    expect(await insists.answer('ls')).toMatchObject({
      kind: 'failed',
      detail: expect.stringMatching(UNASKED),
    });
  });
});

describe('what an ACP agent says after a no', () => {
  it.each([
    ['codex', 'I will run that.\n\n(It was not done: permission was not given.)'],
    ['qwen', 'I will run that.\n\n(It was not done: permission was not given.)'],
    ['opencode', 'I will run that.\n\n(It was not done: permission was not given.)'],
    ['copilot', 'I will run that.\n\nInfo: Operation cancelled by user'],
    ['gemini', 'I will run that.\n\nI was not allowed to.'],
  ])('is an answer: %s', async (who, said) => {
    const { answer, log } = acpAgent(real(who), { ...policy('deny'), preset: presetOf(who) });
    expect(textOf(await answer('rm -rf build'))).toBe(said);
    if (who === 'codex') expect(log.lines).toContain('agent: No metadata for the model.');
  });
});

describe('a login', () => {
  const parentEnv = { PATH: process.env.PATH, LOGGED_IN: '0' };

  it('is made once where the environment holds the key', async () => {
    const env = { ...parentEnv, OPENAI_API_KEY: 'key' };
    const { answer, log } = acpAgent(real('claude'), { ...policy('allow'), parentEnv: env });
    expect(textOf(await answer('ls'))).toContain('done in auto');
    expect(log.lines.filter((line) => line.includes('logged in with'))).toHaveLength(1);
  });

  it('is asked for where it does not', async () => {
    const { answer } = acpAgent(real('claude'), { ...policy('allow'), parentEnv });
    expect(await answer('ls')).toMatchObject({
      kind: 'failed',
      again: false,
      hint: expect.stringMatching(/Use an API key/),
    });
  });
});

it('an agent that can be told where the files of the user lie is told', async () => {
  const { answer, log, folder } = acpAgent(real('claude'), policy('allow'));
  await answer('ls');
  expect(log.lines.join('\n')).toContain(`agent: may read ${folder}`);
});
