/**
 * Preloaded into a program: counts what it asks a database. `ways`: what was asked at once, and waited for together;
 * `commits`, without those of reads, which nobody waits for; `statements`. A message over the IPC channel is answered with
 * the counts so far.
 */
const { Client } = require('pg');

const counts = { ways: 0, commits: 0, statements: 0 };
const { query } = Client.prototype;

Client.prototype.query = function counting(asked, ...rest) {
  const text = typeof asked === 'string' ? asked : asked.text;
  const isBegin = text.startsWith('BEGIN');
  if (isBegin) this.onlyReads = text.includes('READ ONLY');
  const isOfRead = text === 'COMMIT' && this.onlyReads;
  this.asked ??= 0;
  if (this.asked++ === 0 && !isOfRead) counts.ways++;
  if (text === 'COMMIT') counts.commits += isOfRead ? 0 : 1;
  else if (!isBegin) counts.statements++;
  const result = query.call(this, asked, ...rest);
  const answered = () => this.asked--;
  result.then(answered, answered);
  return result;
};
process.on('message', () => process.send(counts));
process.channel.unref();
