/**
 * The bare loop: polls, and sends every text back, with the same requests, headers and HTTP client as
 * wxagent. It stores nothing, checks nothing and forgets what it had when it ends. Every user is
 * answered in order, all users at once. With `spawns` it asks `sh -c cat` for the answer first; with `store`,
 * the path of a file, it keeps there what it must not lose (bare-store.mjs).
 *
 * Bots come as JSON in argv: `node bench/sides/bare-loop.mjs '{"baseUrl":"...","bots":[{"token":"..."}]}'`
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { catThrough } from './bare-spawn.mjs';

const { baseUrl, bots, spawns = false, store: path } = JSON.parse(process.argv[2]);
const store = path && (await import('./bare-store.mjs')).createBareStore(path);
/** Within this time quick agents have answered, and share the flush. */
const SHARED_WAIT_MS = 2;
const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

async function post(token, path, body) {
  const { body: answer } = await request(`${baseUrl}/ilink/bot/${path}`, {
    dispatcher,
    method: 'POST',
    headers: {
      'iLink-App-Id': 'bot',
      'iLink-App-ClientVersion': '256',
      'Content-Type': 'application/json',
      AuthorizationType: 'ilink_bot_token',
      'X-WECHAT-UIN': 'MTIzNDU2Nzg5MA==',
      Authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ ...body, base_info: { channel_version: '0.0.0', bot_agent: 'bare/0.0.0' } }),
  });
  return answer.json();
}

async function answer(token, message, seq) {
  const { text } = message.item_list[0].text_item;
  const body = {
    msg: {
      from_user_id: '',
      to_user_id: message.from_user_id,
      client_id: randomUUID(),
      message_type: 2,
      message_state: 2,
      item_list: [{ type: 1, text_item: { text: spawns ? await catThrough(text) : text } }],
      context_token: message.context_token,
    },
  };
  const part = await store?.answered(seq, message.from_user_id, body);
  await store?.durable();
  await post(token, 'sendmessage', body);
  await store?.settled(part);
}

async function serve({ token }) {
  const users = new Map();
  let cursor = '';
  for (;;) {
    const { msgs, get_updates_buf } = await post(token, 'getupdates', { get_updates_buf: cursor });
    cursor = get_updates_buf;
    const seqs = await store?.takeIn(token, msgs, cursor);
    for (const [n, message] of msgs.entries()) {
      const before = users.get(message.from_user_id) ?? Promise.resolve();
      users.set(
        message.from_user_id,
        before.then(() => answer(token, message, seqs?.[n])),
      );
    }
    if (store) {
      // The answers of quick agents share the wait for the disk.
      await delay(SHARED_WAIT_MS);
      await store.durable();
    }
  }
}

await Promise.all(bots.map(serve));
