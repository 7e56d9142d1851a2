/**
 * The library surface of wxagent: a runner whose agent is a function; the simulator, for testing iLink clients
 * and agents without WeChat; and the error type of both.
 */
export type { AgentFunction, Answer, AnswerContext, AnswerFile } from './agents/function.ts';
export type { SessionMemory } from './agents/port/port.ts';
export { type ErrorKind, WxError } from './core/errors.ts';
export { EXIT_CODES } from './core/exit-codes.ts';
export type { Attachment, MessageEvent, MessageKind, Quote } from './core/message/message.ts';
export {
  type CreateRunnerOptions,
  createRunner,
  type LibraryRunner,
  type LibrarySetting,
} from './library.ts';
export type { RunnerDocument } from './runner/port/events.ts';
export { type Simulator, type SimulatorOptions, startSimulator } from './simulator/simulator.ts';
