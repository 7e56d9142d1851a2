import { once } from 'node:events';
import { type Cast, CHAOS_RUN, type Stage, until } from './chaos.ts';
import { loggedIn } from './simulated.ts';
import type { Wxagent } from './wxagent.ts';

/** A runner is killed when it has told of so many events: at least, and so many more by chance. */
const KILLED_AFTER = { least: 30, more: 120 };

/** One runner of a home, which is killed again and again. */
export function oneRunner(users: number) {
  return async (stage: Stage): Promise<Cast> => {
    const { simulator, roll, happened } = stage;
    const { home, id } = loggedIn(simulator);
    const harms: string[] = [];
    const start = (): Wxagent =>
      stage.start(`runner ${harms.length}`, [...CHAOS_RUN, '--base-url', simulator.baseUrl], { home });
    let runner = start();
    return {
      bots: [{ id, users: Array.from({ length: users }, (_, index) => `user${index}@im.wechat`) }],
      at: { home },
      harms,
      hasMore: () => false,
      async harm() {
        while (stage.isWriting) {
          const enough = stage.events + KILLED_AFTER.least + roll() * KILLED_AFTER.more;
          await until(() => stage.events > enough || !stage.isWriting);
          const gone = once(runner.child, 'close');
          runner.signal('SIGKILL');
          await gone;
          happened.note(`runner ${harms.length} is killed`);
          harms.push('kill');
          runner = start();
        }
      },
      async stop() {
        await runner.stop();
      },
    };
  };
}
