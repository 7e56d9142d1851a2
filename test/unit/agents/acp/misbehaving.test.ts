import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACP_PRESETS } from '../../../../src/agents/acp/connection/presets.ts';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { expectJittered } from '../../../helpers/jitter.ts';
import { eventually, groupAlive, temporaryFolder } from '../support.ts';
import { acpAgent, misbehaving, textOf } from './support.ts';

const RETRY = (detail: RegExp) => ({ kind: 'retry', afterMs: null, detail: expect.stringMatching(detail) });

describe('an ACP agent that misbehaves', () => {
  it('may write lines that are no messages: they are logged and dropped', async () => {
    const { answer, log } = acpAgent(misbehaving('garbage'));
    expect(textOf(await answer())).toBe('still here');
    const told = log.lines.filter((line) => line.startsWith('agent: stdout: '));
    expect(told).toEqual([
      expect.stringContaining('no ACP message: Loading the model'),
      expect.stringContaining('no ACP message: {"level"'),
      expect.stringContaining('a response without a request'),
      expect.stringContaining('an update without a session'),
      expect.stringContaining('no ACP message: [1,2'),
    ]);
  });

  it('is not quoted without end', async () => {
    const { answer, log } = acpAgent(misbehaving('many-lines'));
    expect(textOf(await answer())).toBe('here');
    const told = log.lines.filter((line) => line.startsWith('agent: stdout: '));
    expect(told).toHaveLength(10);
    expect(told.at(-1)).toContain('no more of these');
  });

  it('that dies before it is ready is tried again, with what it said', async () => {
    const { answer } = acpAgent(misbehaving('die-before'));
    expect(await answer()).toEqual(RETRY(/ended before it was ready: exit code 3: no such model/));
  });

  it('that does not exist fails for good', async () => {
    const { answer } = acpAgent(['/bin/sh', '-c', 'no-such-agent acp']);
    expect(await answer()).toMatchObject({
      kind: 'failed',
      reason: 'spawn',
      hint: expect.stringMatching(/PATH/),
    });
  });

  it('that cannot even be started fails with the reason', async () => {
    const { answer } = acpAgent([join(temporaryFolder(), 'nothing')]);
    expect(await answer()).toMatchObject({
      kind: 'failed',
      reason: 'spawn',
      detail: expect.stringMatching(/could not be started/),
    });
  });

  it('that speaks another protocol version is refused, and ended', async () => {
    const { answer, gone, pids } = acpAgent(misbehaving('version'));
    expect(await answer()).toEqual(RETRY(/version 99 of ACP, wxagent version 1/));
    await eventually(() => gone.length === 1);
    expect(groupAlive(pids[0] ?? 0)).toBe(false);
  });

  it('that dies at work: the turn runs again, with another process', async () => {
    const { answer, pids } = acpAgent(misbehaving('die-once', join(temporaryFolder(), 'died')));
    expect(await answer()).toEqual(RETRY(/ended during a turn: exit code 3: once/));
    expect(textOf(await answer())).toBe('fine');
    expect(pids).toHaveLength(2);
  });

  it('that dies at work takes the turns of all its users along, and no answer of half a sentence is sent', async () => {
    const { answer } = acpAgent(misbehaving('die-during'));
    const turns = [answer(), answer('hi', {}, { user: 'other', sessionId: 'other' })];
    expect(await Promise.all(turns)).toEqual([RETRY(/out of memory/), RETRY(/out of memory/)]);
  });

  it('that dies after the answer has answered', async () => {
    const { answer, pids, gone } = acpAgent(misbehaving('die-after'));
    expect(textOf(await answer())).toBe(`answered by ${pids[0]}`);
    await eventually(() => gone.length === 1);
    expect(textOf(await answer())).toBe(`answered by ${pids[1]}`);
  });

  it('is started again later and later', async () => {
    const waits: number[] = [];
    let nowMs = 0;
    const clock = {
      ...systemClock,
      monotonic: () => nowMs,
      async sleep(ms: number) {
        if (ms <= 0) return;
        waits.push(ms);
        nowMs += ms;
      },
    };
    const { answer } = acpAgent(misbehaving('die-before'), { clock });
    for (let n = 0; n < 4; n++) await answer();
    expectJittered(waits, [1_000, 2_000, 4_000]);
  });

  it.each(['silent', 'silent-session', 'silent-prompt'])('%s: the turn ends with its time', async (how) => {
    const { answer } = acpAgent(misbehaving(how));
    const outcome = await answer('hello', { timeoutMs: 400 });
    expect(outcome).toEqual({ kind: 'failed', reason: 'timeout', detail: 'no answer within 0.4 s' });
  });

  it('that makes no session is replaced', async () => {
    const { answer, pids, gone, log } = acpAgent(misbehaving('silent-session'));
    const isReplaced = () => log.lines.some((line) => line.includes('it made no session'));
    // A turn that ends before it is ready replaces nothing.
    while (!isReplaced()) await answer('hello', { timeoutMs: 400 });
    await eventually(() => gone.length === 1);
    await answer('hello', { timeoutMs: 400 });
    await eventually(() => pids.length === 2);
  });

  it('that obeys a cancellation lives on', async () => {
    const { answer, log, pids } = acpAgent(misbehaving('silent-prompt'));
    const stop = new AbortController();
    const turn = answer('hello', { signal: stop.signal });
    await eventually(() => log.lines.includes('agent: at work'));
    stop.abort('cancel');
    expect(await turn).toEqual({
      kind: 'failed',
      reason: 'cancelled',
      detail: 'cancelled by the user',
    });
    expect(groupAlive(pids[0] ?? 0)).toBe(true);
  });

  it('that obeys neither a cancellation nor TERM is killed and replaced, and holds no lane', async () => {
    const { answer, pids, gone, log } = acpAgent(misbehaving('deaf'));
    await answer();
    expect(await answer('hang', { timeoutMs: 400 })).toMatchObject({ kind: 'failed', reason: 'timeout' });
    expect(log.lines.join('\n')).toContain(
      'a cancelled turn did not end within 0.3 s; its process is replaced',
    );
    expect(textOf(await answer('hello'))).toBe('fine');
    expect(gone).toEqual([pids[0]]);
    expect(pids).toHaveLength(2);
  });

  it('that speaks of a session nobody has is not heard', async () => {
    const { answer } = acpAgent(misbehaving('wrong-session'));
    expect(await answer()).toEqual({ kind: 'silent' });
  });

  it('that floods is stopped', async () => {
    const { answer } = acpAgent(misbehaving('flood'));
    expect(await answer()).toMatchObject({ kind: 'failed', reason: 'too-large' });
  });

  it('that forks is ended with all its forks', async () => {
    const { answer, gone, pids } = acpAgent(misbehaving('fork'));
    expect(textOf(await answer())).toBe(String(pids[0]));
    await eventually(() => gone.length === 1);
    expect(groupAlive(pids[0] ?? 0)).toBe(false);
  });

  it('that sends the end of its answer late is waited for', async () => {
    const late = acpAgent(misbehaving('late'));
    expect(textOf(await late.answer())).toBe('the beginning, and the end');
    const all = acpAgent(misbehaving('late-all'));
    expect(textOf(await all.answer())).toBe('all of it');
  });

  it('that wants a login says so, with how', async () => {
    const preset = ACP_PRESETS.find(({ name }) => name === 'codex') ?? null;
    const known = acpAgent(misbehaving('auth'), { preset });
    const detail = 'the agent needs a login first';
    const outcome = { kind: 'failed', reason: 'exit', detail, again: false };
    expect(await known.answer()).toEqual({ ...outcome, hint: 'codex login' });
    const unknown = acpAgent(misbehaving('auth'));
    expect(await unknown.answer()).toEqual({ ...outcome, hint: expect.stringMatching(/own program/) });
  });

  it('that answers with an error fails with its words', async () => {
    const { answer } = acpAgent(misbehaving('error', '-32603', 'rate limit exceeded'));
    expect(await answer()).toEqual({
      kind: 'failed',
      reason: 'exit',
      detail: 'the agent answered with an error: Internal error: rate limit exceeded',
    });
  });

  it('that answers with nothing where something is needed fails, or has just ended', async () => {
    expect(await acpAgent(misbehaving('null-hello')).answer()).toEqual(RETRY(/speaks version none of ACP/));
    expect(await acpAgent(misbehaving('null-session')).answer()).toMatchObject({
      kind: 'failed',
      detail: expect.stringMatching(/a session without an id/),
    });
    expect(textOf(await acpAgent(misbehaving('null-answer')).answer())).toBe('fine');
  });

  it('that has lost a session gets a new one', async () => {
    const { answer } = acpAgent(misbehaving('lost-session'));
    expect(await answer()).toEqual(RETRY(/has lost its session/));
  });

  it('is ended at a stop although it ignores everything', async () => {
    const { agent, answer, pids, gone } = acpAgent(misbehaving('ignore-all'));
    await answer('hello', { timeoutMs: 400 });
    await agent.close?.();
    expect(gone).toEqual(pids);
    expect(groupAlive(pids[0] ?? 0)).toBe(false);
  });
});
