/** Facts of a log line, `message` being the id of the message it is about; never a token, a key or a CDN query string. */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

/** How loud a line is. `info` is the default threshold, `debug` needs `--verbose`. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where the program tells people what it does. `line` is for people, `fields` for machines (`--log-format json`). */
export interface Log {
  debug(line: string, fields?: LogFields): void;
  info(line: string, fields?: LogFields): void;
  warn(line: string, fields?: LogFields): void;
  error(line: string, fields?: LogFields): void;
  /** Whether text of messages may appear (a terminal, or `--log-text`). */
  readonly showsText: boolean;
}
