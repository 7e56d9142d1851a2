/**
 * Somebody's tools that push: `node pusher.mjs '{"urls":[...],"rate":2000,"seconds":20,"connections":20}'`. A push is due at
 * its time, whether the ones before are answered or not, and goes over the next connection that is free. Prints what became
 * of them as JSON: seconds from the first to the last answer, answers by status and verdict, milliseconds of each push from
 * its time on.
 */
import { connect } from 'node:net';

const { urls, rate, seconds, connections } = JSON.parse(process.argv[2]);
const { hostname, port } = new URL(urls[0]);
const paths = urls.map((url) => new URL(url).pathname);
const TICK_MS = 2;

const free = [];
const due = [];
const verdicts = {};
const took = [];
const total = rate * seconds;
let made = 0;
let startedMs = 0;

for (let n = 0; n < connections; n++) {
  const socket = connect({ host: hostname, port, noDelay: true });
  const connection = { socket, text: '', atMs: 0 };
  socket.setEncoding('latin1').on('data', (piece) => receive(connection, piece));
  socket.on('error', fail).on('close', () => fail(new Error('a connection was closed')));
  await new Promise((resolve) => socket.once('connect', resolve));
  free.push(connection);
}
startedMs = performance.now();
const timer = setInterval(tick, TICK_MS);

function tick() {
  const wanted = Math.min(total, Math.floor(((performance.now() - startedMs) / 1_000) * rate));
  for (; made < wanted; made++) due.push({ n: made, atMs: startedMs + (made / rate) * 1_000 });
  if (made === total) clearInterval(timer);
  send();
}

function send() {
  while (free.length > 0 && due.length > 0) {
    const { n, atMs } = due.shift();
    const connection = free.shift();
    const body = JSON.stringify({ text: `disk ${n} of db-${n % 100} is nearly full: 93 % of 512 GB used` });
    connection.atMs = atMs;
    connection.socket.write(
      `POST ${paths[n % paths.length]} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
  }
}

function receive(connection, piece) {
  connection.text += piece;
  const end = connection.text.indexOf('\r\n\r\n');
  if (end < 0) return;
  const head = connection.text.slice(0, end);
  const length = Number(/content-length: (\d+)/i.exec(head)[1]);
  if (connection.text.length < end + 4 + length) return;
  connection.text = '';
  const verdict = `${head.slice(9, 12)} ${/x-wxagent-verdict: (\S+)/i.exec(head)?.[1]}`;
  verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  took.push(performance.now() - connection.atMs);
  free.push(connection);
  if (took.length === total) report();
  else send();
}

function report() {
  const lastedS = (performance.now() - startedMs) / 1_000;
  process.stdout.write(JSON.stringify({ seconds: lastedS, verdicts, took }), () => process.exit(0));
}

function fail(error) {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}
