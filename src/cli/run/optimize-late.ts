import { setV8Flag } from '../../core/v8-flags.ts';

/** How often something has to run before it is optimized, as V8 has it. The name depends on V8. */
const FLAGS: Record<number, [name: string, usual: number]> = {
  11: ['--interrupt-budget', 67_584],
  12: ['--invocation-count-for-turbofan', 3_000],
};

/** How many times as often here. */
const FACTOR = 4;

/**
 * Lets V8 optimize later. By its own measure it compiles at once, in threads beside the program, what then runs for a
 * few thousand messages at most: a fifth of the processor time of 2,000 messages, and repaid by none of them. From
 * Node 24 on its compiler in between makes that cheap.
 */
export function optimizeLate(): void {
  const flag = FLAGS[Number.parseInt(process.versions.v8, 10)];
  if (flag === undefined) return;
  const [name, usual] = flag;
  setV8Flag(`${name}=${usual * FACTOR}`, `${name}=${usual}`);
}
