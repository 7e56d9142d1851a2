/**
 * Flags of V8 that a program sets when it has started. They are set back when it ends: V8 takes no kept code that was
 * made under others (src/start.ts).
 */

let isOurs = false;

/** This process is the program's own, and no host that has imported the library: what concerns all of it may be set. */
export function ownProcess(): void {
  isOurs = true;
}

/** Whether flags of V8 may be set at all. */
export function mayTuneProcess(): boolean {
  return isOurs;
}

/** Sets one flag until the process ends, and then the usual value. */
export function setV8Flag(flag: string, usual: string): void {
  if (!isOurs) return;
  // Imported, the module would be loaded by every start.
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString(flag);
  process.prependOnceListener('exit', () => v8.setFlagsFromString(usual));
}

let isWasmKept = false;

/**
 * undici reads HTTP with a WebAssembly program, which V8 compiles once more, for speed, as soon as it is used. That takes
 * 90 ms of a processor and 35 MiB for a moment, and gains nothing that can be measured in 20,000 messages. To be called
 * before the first request. A V8 that does not know the flags says so on stderr: those up to Node 26 do know them.
 */
export function keepWasmAsItIs(): void {
  if (isWasmKept || Number.parseInt(process.versions.v8, 10) > 14) return;
  isWasmKept = true;
  // Not `--liftoff-only`, which stands for them, but does not set them back.
  setV8Flag('--no-wasm-tier-up', '--wasm-tier-up');
  setV8Flag('--no-wasm-dynamic-tiering', '--wasm-dynamic-tiering');
}
