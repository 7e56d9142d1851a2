import { SIGNAL_EXITS } from '../../core/exit-codes.ts';
import { type Host, STOP_WITH_ME } from '../port/context.ts';
import { ignoredSignals, type Starter } from './ignored-signals.ts';

/** What a command under `exec` may be told beside being stopped. */
const ALSO_PASSED = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const satisfies NodeJS.Signals[];

/**
 * One signal can arrive twice: npx passes on what the terminal has sent to both, and a library of
 * conf's (when-exit) sends every signal once more. A person does not press Ctrl-C twice as fast as this.
 */
const SAME_SIGNAL_MS = 100;

/**
 * The first signal asks a command to stop; the next one ends the process (`exit`). What nohup has set to ignored stays so.
 * How a runner then ends is in runner/shutdown/shutdown.ts.
 */
export function watchSignals(
  starter: Starter,
  exit: (code: number) => void,
): Pick<Host, 'stopSignal' | 'passSignals'> {
  let passed: ((signal: NodeJS.Signals) => void) | null = null;
  const stop = new AbortController();
  let isHandled = false;
  let isSame = false;
  const ignored = ignoredSignals(starter);
  for (const name of ignored) process.on(name, () => {});
  const heeded = Object.entries(SIGNAL_EXITS).filter(([name]) => !ignored.has(name as NodeJS.Signals));
  for (const [name, code] of heeded) {
    process.on(name, () => {
      if (passed) return passed(name as NodeJS.Signals);
      if (isSame) return;
      if (!isHandled || stop.signal.aborted) return exit(code);
      isSame = true;
      // A signal that waits already, however busy the process is, is handled between the two.
      setTimeout(() => setImmediate(() => (isSame = false)), SAME_SIGNAL_MS).unref();
      stop.abort(name);
    });
  }
  // A process manager may close its channel and have this go on: only who says so takes it along.
  process.once('message', (said) => {
    if (said !== STOP_WITH_ME) return;
    process.once('disconnect', () => {
      if (!isHandled) return exit(SIGNAL_EXITS.SIGTERM);
      stop.abort('SIGTERM');
    });
  });
  process.channel?.unref();
  return {
    stopSignal() {
      isHandled = true;
      return stop.signal;
    },
    passSignals(to) {
      passed = to;
      const others = ALSO_PASSED.map((name) => [name, () => to(name)] as const);
      for (const [name, pass] of others) process.on(name, pass);
      return () => {
        passed = null;
        for (const [name, pass] of others) process.off(name, pass);
      };
    },
  };
}
