import { parseLossless } from '../../../src/ilink/wire/json.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../../src/simulator/simulator.ts';

/** A JSON answer, read loosely: every test checks what it looks at. */
// biome-ignore lint/suspicious/noExplicitAny: the shape under test is what the assertions say.
export type Json = any;

/** Runs a test against its own simulator with the burst rule off; options override. */
export async function withSimulator(
  options: SimulatorOptions,
  run: (sim: Simulator) => Promise<void>,
): Promise<void> {
  const sim = await startSimulator({ seed: 1, burstLimit: 0, holdMs: 5_000, ...options });
  try {
    await run(sim);
  } finally {
    await sim.close();
  }
}

/** One API call the way any client would make it. */
export async function call(
  sim: Simulator,
  endpoint: string,
  token: string | null,
  body: unknown,
): Promise<Json> {
  const response = await fetch(`${sim.baseUrl}/ilink/bot/${endpoint}`, {
    method: 'POST',
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return response.status === 200 ? (text === '' ? {} : parseLossless(text)) : { http: response.status };
}

/** A bot that is logged in and to which its owner has written once; the message is already fetched. */
export async function talkingBot(sim: Simulator) {
  const { token, id, user } = sim.control.createBot();
  sim.control.message({ text: 'hello' });
  const first = await call(sim, 'getupdates', token, { get_updates_buf: '' });
  return {
    token,
    id,
    user,
    cursor: first.get_updates_buf as string,
    contextToken: first.msgs[0].context_token as string,
    poll: (cursor: string, more: object = {}) =>
      call(sim, 'getupdates', token, { get_updates_buf: cursor, ...more }),
    send: (text: string, more: object = {}) =>
      call(sim, 'sendmessage', token, { msg: textMessage(user, text, more), base_info: {} }),
  };
}

let lastClientId = 0;

/** A text message as bots send it, under a fresh `client_id`. */
export function textMessage(user: string, text: string, more: object = {}): Json {
  return {
    from_user_id: '',
    to_user_id: user,
    client_id: `test-${++lastClientId}`,
    message_type: 2,
    message_state: 2,
    item_list: [{ type: 1, text_item: { text } }],
    ...more,
  };
}
