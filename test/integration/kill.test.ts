import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../src/sqlite/database.ts';
import { makeScript, type Script } from '../helpers/run-script.ts';

/** What the working process says once a step has resolved: from then on it must be there. */
interface Acknowledged {
  message?: string;
  cursor?: number;
  done?: string;
  texts?: string[];
  confirmed?: string;
}

/** What a database holds, for comparison with what was acknowledged. */
interface Stored {
  integrity: unknown;
  messages: Map<string, string>;
  parts: Map<string, string>;
  cursor: number;
}

let script: Script;
let folder: string;
let path: string;
beforeAll(async () => {
  script = await makeScript('test/fixtures/store-process.ts');
});
afterAll(() => script.dispose());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-kill-'));
  path = join(folder, 'wxagent.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function read(): Stored {
  const database = openDatabase(path);
  try {
    return {
      integrity: database.one('PRAGMA integrity_check')?.integrity_check,
      messages: new Map(
        database.all('SELECT id, state FROM inbox').map((row) => [String(row.id), String(row.state)]),
      ),
      parts: new Map(
        database.all('SELECT text, state FROM parts').map((row) => [String(row.text), String(row.state)]),
      ),
      cursor: Number(String(database.one('SELECT cursor FROM accounts')?.cursor).replace('cursor-', '')),
    };
  } finally {
    database.close();
  }
}

/** The last line of a killed process may be cut. */
function parse(line: string): Acknowledged {
  try {
    return JSON.parse(line) as Acknowledged;
  } catch {
    return {};
  }
}

test('a process killed at any moment loses nothing it has acknowledged', async () => {
  const seed = 20_261_122;
  const progress = fc.sample(fc.nat({ max: 60 }), { seed, numRuns: 8 });
  const all: Acknowledged[] = [];
  for (const [round, lines] of progress.entries()) {
    const worker = script.start('work', path, String(round * 1_000_000));
    await worker.line(lines);
    await worker.kill();
    all.push(...worker.lines.map(parse));

    const stored = read();
    expect(stored.integrity).toBe('ok');
    expect(stored.cursor).toBeGreaterThanOrEqual(Math.max(...all.map((one) => one.cursor ?? 0)));
    for (const { message, done, texts, confirmed } of all) {
      if (message) expect(stored.messages.has(message), message).toBe(true);
      if (done) expect(stored.messages.get(done), done).toBe('done');
      for (const text of texts ?? []) expect(stored.parts.has(text), text).toBe(true);
      if (confirmed) expect(stored.parts.get(confirmed), confirmed).toBe('confirmed');
    }
    // Answers come as a whole or not at all.
    for (const text of stored.parts.keys()) {
      if (text.startsWith('answer'))
        expect(stored.parts.has(text.replace('answer', 'more')), text).toBe(true);
    }
  }
  expect(all.filter((one) => one.confirmed).length).toBeGreaterThan(progress.length);
});
