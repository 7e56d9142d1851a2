import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

const PROGRAM = fileURLToPath(new URL('../fixtures/postgres-server.mjs', import.meta.url));

/** The address of a PostgreSQL server for tests; null: this platform has no binaries for one. */
export type ServerAddress = { port: number; socketFolder: string | null; user: string; password: string };

declare module 'vitest' {
  interface ProvidedContext {
    /** The port on which this run tells where its PostgreSQL server is. It starts the server when first asked. */
    postgresPort: number;
  }
}

/** A running server, and how to end it without warning and start it again. */
export interface ServerProcess {
  address: ServerAddress;
  /** Ends the server as `pg_ctl stop -m immediate` does. */
  crash(): Promise<void>;
  start(): Promise<void>;
  /** Starts a second server that follows this one, asynchronously. Resolves to its port. */
  startStandby(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a server of its own. Null: this platform has no binaries. */
export async function startServer(): Promise<ServerProcess | null> {
  // A group of its own: Ctrl-C on the terminal reaches it through its standard input, after the tests.
  const child: ChildProcess = spawn(process.execPath, [PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  const told = JSON.parse(await nextLine()) as ServerAddress | { error: string; isMissing: boolean };
  if ('error' in told) {
    await ended;
    if (told.isMissing) return null;
    throw new Error(`the PostgreSQL server of the tests does not start: ${told.error}`);
  }
  const ask = async (command: string): Promise<string> => {
    child.stdin?.write(`${command}\n`);
    const answer = await nextLine();
    if (!answer.startsWith(command)) throw new Error(`the PostgreSQL server of the tests: ${answer}`);
    return answer.slice(command.length).trim();
  };
  return {
    address: told,
    crash: async () => void (await ask('crash')),
    start: async () => void (await ask('start')),
    startStandby: async () => Number(await ask('standby')),
    async stop() {
      child.stdin?.end();
      await ended;
    },
  };
}

/**
 * One server for a run of tests. It starts when the first test file asks for it, so that a run without such files does
 * not wait for it. It ends with the run, also when that is killed.
 */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  let started: Promise<ServerProcess | null> | null = null;
  async function answer(): Promise<string> {
    try {
      started ??= startServer();
      const server = await started;
      return JSON.stringify(server?.address ?? null);
    } catch (error) {
      return JSON.stringify({ error: (error as Error).message });
    }
  }
  const asked = createServer(async (socket) => {
    socket.on('error', () => {});
    socket.end(await answer());
  });
  await new Promise<void>((resolve) => {
    asked.listen(0, '127.0.0.1', resolve);
  });
  provide('postgresPort', (asked.address() as AddressInfo).port);
  return async () => {
    asked.close();
    const server = await started?.catch(() => null);
    await server?.stop();
  };
}
