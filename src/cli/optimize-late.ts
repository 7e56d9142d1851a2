/** How often something has to run before it is optimized: four times as often as V8 has it. The name depends on V8. */
const FLAGS: Record<number, string> = {
  11: '--interrupt-budget=270000',
  12: '--invocation-count-for-turbofan=12000',
};

/**
 * Lets V8 optimize later. By its own measure it compiles at once, in threads beside the program, what then runs for a
 * few thousand messages at most: a fifth of the processor time of 2,000 messages, and repaid by none of them. From
 * Node 24 on its compiler in between makes that cheap.
 */
export function optimizeLate(): void {
  const flag = FLAGS[Number.parseInt(process.versions.v8, 10)];
  // Imported, the module would be loaded before the first poll.
  if (flag !== undefined) process.getBuiltinModule('node:v8').setFlagsFromString(flag);
}
