/**
 * The least a loop can store without losing anything: what a poll brought, before its turn and on the disk before
 * the next poll; an answer, on the disk before it is sent; what became of it. What is ready at once shares a commit,
 * and who waits for the disk at once shares that wait, as in wxagent; nothing is looked up or decided.
 */
import { fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import Libsql from 'libsql';

const writtenOut = promisify(fdatasync);

/** `createBareStore(path)`: `takeIn`, `answered`, `settled` commit; `durable` waits for the disk. */
export function createBareStore(path) {
  const database = new Libsql(path);
  database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
    CREATE TABLE cursors (token TEXT PRIMARY KEY, cursor TEXT);
    CREATE TABLE inbox (seq INTEGER PRIMARY KEY, user TEXT, raw BLOB, state TEXT);
    CREATE TABLE parts (seq INTEGER PRIMARY KEY, user TEXT, body BLOB, state TEXT);`);
  const sql = {
    cursor: database.prepare('INSERT OR REPLACE INTO cursors VALUES (?, ?)'),
    receive: database.prepare("INSERT INTO inbox (user, raw, state) VALUES (?, ?, 'received')"),
    finish: database.prepare("UPDATE inbox SET state = 'done' WHERE seq = ?"),
    queue: database.prepare("INSERT INTO parts (user, body, state) VALUES (?, ?, 'sending')"),
    settle: database.prepare("UPDATE parts SET state = 'confirmed' WHERE seq = ?"),
  };
  const wal = openSync(`${path}-wal`, 'r+');
  const committed = shared((steps) => {
    database.exec('BEGIN IMMEDIATE');
    const results = steps.map((step) => step());
    database.exec('COMMIT');
    return results;
  }, setImmediate);
  const synced = shared(async (waiters) => {
    if (waiters.length === 1) fdatasyncSync(wal);
    else await writtenOut(wal);
    return waiters;
  }, process.nextTick);
  const rowOf = (result) => Number(result.lastInsertRowid);
  return {
    takeIn: (token, messages, cursor) =>
      committed(() => {
        sql.cursor.run([token, cursor]);
        return messages.map((one) =>
          rowOf(sql.receive.run([one.from_user_id, Buffer.from(JSON.stringify(one))])),
        );
      }),
    answered: (seq, user, body) =>
      committed(() => {
        sql.finish.run([seq]);
        return rowOf(sql.queue.run([user, Buffer.from(JSON.stringify(body))]));
      }),
    settled: (part) => committed(() => sql.settle.run([part])),
    durable: () => synced(null),
  };
}

/** Does the work for all who ask before it begins, once for all of them. */
function shared(work, soon) {
  let waiting = [];
  let busy = false;
  async function run() {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const results = await work(batch.map(({ item }) => item));
      for (const [n, { resolve }] of batch.entries()) resolve(results[n]);
    }
    busy = false;
  }
  return (item) =>
    new Promise((resolve) => {
      waiting.push({ item, resolve });
      if (!busy) soon(run);
      busy = true;
    });
}
