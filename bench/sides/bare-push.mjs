/** The least a place for pushes can do: a route of hono that commits a row and waits for the disk. Prints its port. */
import { fdatasyncSync, openSync } from 'node:fs';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import Libsql from 'libsql';

const [path] = process.argv.slice(2);
const database = new Libsql(path);
database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
  CREATE TABLE parts (seq INTEGER PRIMARY KEY, text BLOB, state TEXT);`);
const insert = database.prepare("INSERT INTO parts (text, state) VALUES (?, 'queued')");
database.exec('BEGIN; COMMIT');
insert.run([Buffer.from('first')]);
const wal = openSync(`${path}-wal`, 'r+');

const app = new Hono();
app.post('/push/:token', async (c) => {
  const { text } = await c.req.json();
  const { lastInsertRowid } = insert.run([Buffer.from(text)]);
  fdatasyncSync(wal);
  return c.json({ id: String(lastInsertRowid) });
});
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log(port));
