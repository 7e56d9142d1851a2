/** The streams and the terminal a command talks to. stdout is data, stderr is for people. */
export interface Io {
  /** Writes to stdout. */
  out(text: string | Uint8Array): void;
  /** Writes to stdout as fast as its reader takes it. `isWhole`: a part of it is of no use, so its reader must not go before. */
  outAll(chunks: AsyncIterable<Uint8Array>, isWhole?: boolean): Promise<void>;
  /** Writes to stderr as fast as its reader takes it. */
  errAll(chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Writes to stderr. */
  err(text: string): void;
  /** Writes lines of which a moment brings many: within two milliseconds, together. A SIGKILL can lose them. */
  outSoon(text: string): void;
  /** The same for stderr. */
  errSoon(text: string): void;
  readStdin(): Promise<Buffer>;
  /** stdin as it comes in, for what may be large. */
  stdin(): AsyncIterable<Uint8Array>;
  /** Asks on the terminal; null when it was closed. */
  ask(question: string, signal: AbortSignal): Promise<string | null>;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly stdinIsTerminal: boolean;
}
