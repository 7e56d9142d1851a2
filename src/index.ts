/**
 * The library surface of wxagent: the simulator, for testing iLink clients and agents without
 * WeChat, and the error type its functions throw.
 */
export { type ErrorKind, EXIT_CODES, WxError } from './core/errors.ts';
export { type Simulator, type SimulatorOptions, startSimulator } from './simulator/simulator.ts';
