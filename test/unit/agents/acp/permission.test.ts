import { describe, expect, it } from 'vitest';
import { eventually } from '../support.ts';
import { acpAgent, misbehaving, textOf } from './support.ts';

/** Answers questions in turn, and remembers them. */
function person(...answers: (string | null)[]) {
  const questions: string[] = [];
  return {
    questions,
    async ask(question: string, waitMs: number) {
      expect(waitMs).toBeGreaterThan(0);
      questions.push(question);
      return answers[questions.length - 1] ?? null;
    },
  };
}

describe('the permission an ACP agent asks for', () => {
  it('is refused with deny and given, for this once, with allow; nobody is asked', async () => {
    const { ask, questions } = person();
    const denied = acpAgent(misbehaving('permission'), { permission: 'deny' });
    expect(textOf(await denied.answer('hello', { ask }))).toBe('no');
    expect(denied.log.lines).toContain('agent: denied (--permission deny): Run a command rm -rf build');
    const allowed = acpAgent(misbehaving('permission'), { permission: 'allow' });
    expect(textOf(await allowed.answer('hello', { ask }))).toBe('yes');
    expect(allowed.log.lines).toContain('agent: allowed (--permission allow): Run a command rm -rf build');
    expect(questions).toEqual([]);
  });

  it.each([
    ['y', 'yes'],
    [' YES. ', 'yes'],
    ['1', 'yes'],
    ['Ｙ', 'yes'],
    ['是', 'yes'],
    ['可以！', 'yes'],
    ['n', 'no'],
    ['2', 'no'],
    ['否。', 'no'],
    ['不要', 'no'],
    [null, 'no'],
  ])('with ask, "%s" means %s', async (answer, option) => {
    const { ask, questions } = person(answer);
    const { answer: turn } = acpAgent(misbehaving('permission'), { permission: 'ask' });
    expect(textOf(await turn('hello', { ask }))).toBe(option);
    expect(questions).toEqual([
      '🔐 The agent wants to do this:\nRun a command\nrm -rf build\nAllow it? Answer y or n within 5 minutes; no answer means no.',
    ]);
  });

  it('is asked for again when the answer is neither, in the language of the user', async () => {
    const { ask, questions } = person('为什么？', 'maybe', '是');
    const { answer } = acpAgent(misbehaving('permission'), { permission: 'ask' });
    expect(textOf(await answer('你好', { ask, language: 'zh' }))).toBe('yes');
    expect(questions[0]).toContain('智能体请求权限');
    expect(questions.slice(1)).toEqual([
      expect.stringContaining('请回复'),
      expect.stringContaining('请回复'),
    ]);
  });

  it('is one question at a time', async () => {
    let open = 0;
    const ask = async (question: string) => {
      open += 1;
      expect(open).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      open -= 1;
      return question.includes('one') ? 'y' : 'n';
    };
    const { answer } = acpAgent(misbehaving('two-permissions'), { permission: 'ask' });
    expect(textOf(await answer('hello', { ask }))).toBe('yes,no');
  });

  it('says its kind, where two of one turn differ in nothing else', async () => {
    const questions: string[] = [];
    const ask = async (question: string) => {
      questions.push(question);
      return question.includes('[read]') ? 'y' : 'n';
    };
    const { answer } = acpAgent(misbehaving('two-permissions', 'read', 'delete'), { permission: 'ask' });
    expect(textOf(await answer('hello', { ask }))).toBe('yes,no');
    expect(questions).toEqual([
      expect.stringContaining('[read] notes.txt\n'),
      expect.stringContaining('[delete] notes.txt\n'),
    ]);
  });

  it('says how much of a long command it does not show', async () => {
    const { ask, questions } = person('n');
    const { answer } = acpAgent(misbehaving('permission', 'x'.repeat(5_000)), { permission: 'ask' });
    await answer('hello', { ask });
    expect(questions[0]).toMatch(/x \.\.\. \(\+4000 chars\) \.\.\. x/);
  });

  it('is cancelled where the agent leaves no way to say no', async () => {
    const { answer } = acpAgent(misbehaving('no-options'), { permission: 'deny' });
    expect(textOf(await answer())).toBe('cancelled');
  });

  it('is over when the time of the turn is, and the process stays', async () => {
    const ask = () => new Promise<null>(() => {});
    const { answer, log } = acpAgent(misbehaving('permission'), { permission: 'ask' });
    expect(await answer('hello', { ask, timeoutMs: 1_000 })).toMatchObject({ reason: 'timeout' });
    expect(log.lines.filter((line) => line.includes('replaced'))).toEqual([]);
  });

  it('is over when the turn is', async () => {
    const stop = new AbortController();
    let isAsked = false;
    const ask = async (): Promise<string | null> => {
      isAsked = true;
      await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
      return null;
    };
    const { answer, log } = acpAgent(misbehaving('permission'), { permission: 'ask' });
    const turn = answer('hello', { ask, signal: stop.signal });
    await eventually(() => isAsked);
    stop.abort('stop');
    expect(await turn).toMatchObject({ kind: 'failed', reason: 'cancelled' });
    expect(log.lines.filter((line) => /allowed|denied/.test(line))).toEqual([]);
  });
});
