import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WxError } from '../../core/errors.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { wordsOf } from '../i18n/language.ts';
import { type CommandContext, STOP_WITH_ME } from '../port/context.ts';
import { excerpt } from '../terminal/excerpt.ts';
import { localTime } from '../terminal/local-time.ts';

/** The agent of the demo: any program that reads stdin and writes stdout would do. */
const AGENT = `#!/bin/sh
# Reads a message on stdin, writes the answer to stdout.
text=$(cat)
case "$text" in
  *long*) i=0; while [ $i -lt 200 ]; do i=$((i+1)); printf 'Line %03d of a long answer: forty-nine characters.\\n' $i; done ;;
  *hang*) sleep 600 ;;
  *) printf 'You said: %s\\n' "$text" | tr a-z A-Z ;;
esac
`;

/** A turn of the demo may take this long, so that the hung agent ends soon. */
const TURN_TIMEOUT = '2s';
/** What a person writes in the demo, and how many answers follow. */
const SCRIPT: readonly { text: string; answers: number }[] = [
  { text: 'hello', answers: 1 },
  { text: '你好，微信', answers: 1 },
  { text: 'a long answer, please', answers: 3 },
  { text: 'now hang', answers: 1 },
  { text: 'still there?', answers: 1 },
];
const STEP_LIMIT_MS = 10_000;

/** `wxagent demo`: everything there is, on this machine, without WeChat. */
export async function demo(context: CommandContext): Promise<number> {
  const { interactive } = context.settings;
  const stop = context.stopSignal();
  const { translate } = context;
  const { execa } = await import('execa');
  const folder = await mkdtemp(join(tmpdir(), 'wxagent-demo-'));
  const simulator = await startSimulator({ seed: 1, holdMs: 2_000 });
  const unhook = showPhone(context, simulator);
  try {
    const agent = join(folder, 'agent.sh');
    await writeFile(agent, AGENT, { mode: 0o700 });
    const own = (args: string[]) => {
      const child = execa(
        process.execPath,
        [
          context.bin,
          ...args,
          '--lang',
          context.language,
          '--home',
          join(folder, 'home'),
          '--base-url',
          simulator.baseUrl,
        ],
        {
          // A demo that is killed closes the channel.
          stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
          env: { WXAGENT_HOME: undefined, WXAGENT_TOKEN: undefined, WXAGENT_ACCOUNT: undefined },
          reject: false,
        },
      );
      child.send?.(STOP_WITH_ME);
      return child;
    };
    context.show(`$ wxagent simulate          # ${translate(`iLink server: ${simulator.baseUrl}`)}`);
    context.show(`$ wxagent login             # ${translate('the code below scans itself')}`);
    const login = await own(['login']);
    if (login.exitCode !== 0)
      throw new WxError('internal', `the login of the demo ended with ${login.exitCode}`);
    context.show(`$ wxagent run --exec ./agent.sh --timeout ${TURN_TIMEOUT}`);
    const start = (...more: string[]) => own(['run', '--exec', agent, '--timeout', TURN_TIMEOUT, ...more]);
    const run = start();
    try {
      await (interactive ? converse(context, simulator, stop) : play(simulator, stop));
    } finally {
      run.kill('SIGTERM');
      await run;
    }
    // What was written last, or all at once through a pipe, is answered too.
    if (interactive && !stop.aborted) {
      const rest = start('--once');
      stop.addEventListener('abort', () => rest.kill('SIGTERM'), { once: true });
      const { exitCode } = await rest;
      if (exitCode !== 0 && !stop.aborted)
        throw new WxError('internal', `the last run of the demo ended with ${exitCode}`);
    }
    if (!interactive) context.show('End of the demo. Next: wxagent login, with your own WeChat.');
    return 0;
  } finally {
    unhook();
    await simulator.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Prints every line of the phone's transcript as it appears there. */
function showPhone(context: CommandContext, simulator: Simulator): () => void {
  const words = wordsOf(context.language);
  return simulator.control.onShown((line) => {
    const side = line.from === 'user' ? '📱' : '  🤖';
    const text = excerpt(line.text || `[${words.kinds[line.kind] ?? line.kind}]`, 70);
    const length = words.characters(line.text.length);
    const said = line.text.length > 70 ? words.inDetail(text, length) : text;
    context.show(`${localTime(new Date(context.clock.now()))} ${side} ${said}`);
  });
}

/** The messages of the demo, each after the answers to the one before. */
async function play(simulator: Simulator, stop: AbortSignal): Promise<void> {
  let expected = 0;
  for (const { text, answers } of SCRIPT) {
    if (stop.aborted) return;
    simulator.control.message({ text });
    expected += answers;
    await answered(simulator, expected, stop);
  }
}

async function answered(simulator: Simulator, count: number, stop: AbortSignal): Promise<void> {
  const enough = (): boolean =>
    simulator.control.phone().shown.filter((line) => line.from !== 'user').length >= count;
  if (enough() || stop.aborted) return;
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => {
      unhook();
      reject(new WxError('internal', 'the demo got no answer in time'));
    }, STEP_LIMIT_MS);
    const done = (): void => {
      clearTimeout(late);
      unhook();
      resolve();
    };
    const unhook = simulator.control.onShown(() => {
      if (enough()) done();
    });
    stop.addEventListener('abort', done, { once: true });
  });
}

/** Every line typed is a message from the phone; the end of input ends that. */
async function converse(context: CommandContext, simulator: Simulator, stop: AbortSignal): Promise<void> {
  context.say(`The phone, with pictures and voice: open ${simulator.baseUrl} in a browser`);
  context.say('Type what the phone writes; "long" and "hang" do what they say; Ctrl-D ends the demo.');
  const lines = createInterface({ input: process.stdin, signal: stop });
  for await (const line of lines) if (line.trim() !== '') simulator.control.message({ text: line });
}
