import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LEAST, sql } from '../../../src/sql/dialect.ts';
import { all, one, run, type Step, together } from '../../../src/sql/statement.ts';
import { type Database, openDatabase } from '../../../src/sqlite/database.ts';
import { runStep } from '../../../src/sqlite/run-step.ts';

function makeDatabase(): Database {
  const folder = mkdtempSync(join(tmpdir(), 'wxagent-step-'));
  const database = openDatabase(join(folder, 'x.db'));
  onTestFinished(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY, word TEXT)');
  return database;
}

const PUT = 'INSERT INTO t (n, word) VALUES (?, ?)';

test('each statement has its own result, those of a step in a step too', () => {
  function* put(n: number, word: string): Step<number> {
    return yield* run(PUT, n, word);
  }
  function* step(): Step<unknown[]> {
    const put1 = yield* put(1, 'one');
    const [changed, row, none] = yield* together(
      run(PUT, 2, 'two'),
      one('SELECT word FROM t WHERE n = ?', 2),
      one('SELECT word FROM t WHERE n = ?', 3),
    );
    const rows = yield* all('SELECT n FROM t ORDER BY n');
    const least = yield* one(sql`SELECT ${LEAST}(?, ?) AS n`, 7, 5);
    return [put1, changed, row, none, rows, least, yield* together(), yield* run('DELETE FROM t')];
  }
  expect(runStep(makeDatabase(), step())).toEqual([
    ...[1, 1, { word: 'two' }, undefined, [{ n: 1 }, { n: 2 }], { n: 5 }],
    ...[[], 2],
  ]);
});

test('a step that yields another step, or a value, without yield* is told so', () => {
  const database = makeDatabase();
  function* inner(): Step<number> {
    return yield* run(PUT, 1, 'one');
  }
  for (const wrong of [inner(), 'DELETE FROM t', undefined, inner]) {
    function* step(): Generator<unknown, void, unknown> {
      yield wrong;
    }
    expect(() => runStep(database, step() as Step<void>)).toThrow(
      expect.objectContaining({ kind: 'internal', hint: expect.stringContaining('yield*') }),
    );
  }
  expect(database.all('SELECT * FROM t')).toEqual([]);
});
