import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTranscriber } from '../../../src/agents/transcriber.ts';
import { eventually, groupAlive, recordingLog, temporaryFolder } from './support.ts';

const never = new AbortController().signal;

/** A voice message whose name a shell would read as more than a name. */
function sound(folder: string): string {
  const path = join(folder, '1-$(touch pwned) voice.wav');
  writeFileSync(path, 'RIFF');
  return path;
}

function hearing(command: string, timeoutMs?: number) {
  const folder = temporaryFolder();
  const log = recordingLog();
  const path = sound(folder);
  const parentEnv = { PATH: process.env.PATH, WXAGENT_TOKEN: 'secret' };
  const transcribe = createTranscriber({
    command,
    cwd: folder,
    parentEnv,
    log,
    killGraceMs: 50,
    ...(timeoutMs && { timeoutMs }),
  });
  return { folder, log, path, hear: (signal = never) => transcribe(path, signal) };
}

describe('--stt', () => {
  it('is given the path as its last argument, and its stdout is the text', async () => {
    const { hear, path, log } = hearing('printf "%s|" --lang zh');
    expect(await hear()).toBe(`--lang|zh|${path}|`);
    expect(log.lines).toEqual([]);
  });

  it('runs in the folder wxagent was started in, without our secrets', async () => {
    const { hear, folder } = hearing('pwd >where; echo "[$WXAGENT_TOKEN]"; true');
    expect(await hear()).toBe('[]');
    expect(readFileSync(join(folder, 'where'), 'utf8').trim()).toBe(folder);
  });

  it.each([
    ["printf ' \\n 你好\\n\\n'; true", '你好'],
    ['true', ''],
  ])('of %j it keeps %j', async (command, text) => {
    expect(await hearing(command).hear()).toBe(text);
  });

  it.each([
    ['echo half; echo no model >&2; exit 3; true', '--stt failed: exit code 3: no model'],
    ['kill -KILL $$; true', '--stt failed: ended by SIGKILL'],
    ['no-such-program', /^--stt failed: exit code 127: .*no-such-program/],
    ['yes', '--stt failed: it printed more than 64 KiB'],
  ])('that fails (%s) says so, and gives nothing', async (command, line) => {
    const { hear, log } = hearing(command);
    expect(await hear()).toBeNull();
    expect(log.lines).toEqual([expect.stringMatching(line)]);
  });

  it('that hangs is ended after its time, with all it has forked', async () => {
    const { hear, log, folder } = hearing('echo $$ >pid; sleep 60 & sleep 60; true', 200);
    expect(await hear()).toBeNull();
    expect(log.lines).toEqual(['--stt failed: it took longer than 0.2 s']);
    expect(groupAlive(Number(readFileSync(join(folder, 'pid'), 'utf8')))).toBe(false);
  });

  it('is ended by a stop, without a word', async () => {
    const { hear, log, folder } = hearing('touch begun; sleep 60; true');
    const stop = new AbortController();
    const heard = hear(stop.signal);
    await eventually(() => existsSync(join(folder, 'begun')));
    stop.abort('stop');
    expect(await heard).toBeNull();
    expect(log.lines).toEqual([]);
  });
});
