import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Account, ConfigFile } from '../../src/home/config-file.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';
import { pollUntil } from './poll-until.ts';
import { makeFolder } from './wxagent.ts';

/** A simulator that does not wait: short holds, no burst rule, scans at once. Closed after the test. */
export async function simulate(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ seed: 1, holdMs: 100, burstLimit: 0, scanDelayMs: 0, ...options });
  onTestFinished(() => simulator.close());
  return simulator;
}

/** A home with one account of the simulator, written without a login. */
export interface LoggedIn {
  home: string;
  /** The owner. */
  user: string;
  /** The bot. */
  id: string;
  token: string;
}

/** Makes a bot and a home that is logged in as it, or adds the bot to a home. */
export function loggedIn(
  simulator: Simulator,
  options: { home?: string; user?: string; name?: string } = {},
): LoggedIn {
  const home = options.home ?? makeFolder();
  const { id, user, token } = simulator.control.createBot(options.user);
  const account: Account = {
    key: id,
    id,
    formerIds: [],
    name: options.name ?? null,
    owner: user,
    token,
    baseUrl: simulator.baseUrl,
    namedUrl: simulator.baseUrl,
    cdnUrl: null,
    loggedInAt: '2026-11-22T13:00:00.000Z',
  };
  const file: ConfigFile = { accounts: [account], defaultAccount: null, settings: {} };
  if (existsSync(configPath(home))) file.accounts.unshift(...readAccounts(home));
  mkdirSync(join(home, 'wx'), { recursive: true, mode: 0o700 });
  writeFileSync(configPath(home), JSON.stringify(file), { mode: 0o600 });
  return { home, user, id, token };
}

/** Where the program of a test keeps its accounts. */
export function configPath(home: string): string {
  return join(home, 'wx', 'config.json');
}

/** The accounts of a home as they are stored. */
export function readAccounts(home: string): Account[] {
  return (JSON.parse(readFileSync(configPath(home), 'utf8')) as ConfigFile).accounts;
}

/** What bots have written to the phones, in the order the server received it. */
export function answers(simulator: Simulator, user?: string): string[] {
  return simulator.control
    .phone(user === undefined ? {} : { user })
    .shown.filter((line) => line.from === 'bot')
    .map((line) => line.text);
}

/** Waits until the phones show this many answers, and returns them. */
export async function answered(simulator: Simulator, count: number, user?: string): Promise<string[]> {
  await pollUntil(`${count} answers`, () => answers(simulator, user).length >= count).catch(
    (error: Error) => {
      throw new Error(`${error.message}; there are ${JSON.stringify(answers(simulator, user))}`);
    },
  );
  return answers(simulator, user);
}

/** Waits until a login has asked so often whether its code was scanned. */
export function askedForStatus(simulator: Simulator, count: number): Promise<void> {
  const asked = () => simulator.control.requests({ endpoint: 'get_qrcode_status' }).length;
  return pollUntil(`${count} questions for the status`, () => asked() >= count);
}

/** The code of a login is scanned and confirmed; the login that follows is on its way for a while. */
export function confirmLate(simulator: Simulator): void {
  simulator.control.addFault({
    endpoint: 'get_qrcode_status',
    kind: 'delay',
    processed: true,
    afterMs: 300,
    count: 1,
  });
  simulator.control.scan();
}
