import { describe, expect, test } from 'vitest';
import { silkOf } from '../../../src/media/voice/recording.ts';
import { wavHeader } from '../../../src/media/voice/wav-header.ts';
import { runHere } from '../../helpers/in-this-process.ts';
import { type Answer, STORES } from '../../helpers/web.ts';
import { FILES, makeWebWorld } from '../../helpers/web-world.ts';

interface Entry {
  message: { id: string; text: string; quote: { text: string } | null; detail: string | null } | null;
  part: { id: string; text: string; origin: string; name: string | null; hasFile: boolean } | null;
}

const entriesOf = ({ json }: Answer): Entry[] => (json as { entries: Entry[] }).entries;
const saidIn = (answer: Answer): (string | null | undefined)[] =>
  entriesOf(answer).map(({ message, part }) => message?.text || part?.text || part?.name);

/** A second of silence as phones send it. */
async function voice(): Promise<Buffer> {
  const pcm = Buffer.alloc(48_000);
  const silk = await silkOf(Buffer.concat([wavHeader(pcm.length, 24_000), pcm]));
  return Buffer.from(silk?.bytes as Uint8Array);
}

describe.each(STORES)('conversations, on $store', ({ environment }) => {
  test('both sides come by time, with quotes, files that were sent and the stderr of what failed', async () => {
    const { web, simulator, home, env, user } = await makeWebWorld(environment());
    const token = await web.token('--scope', 'admin');
    const part = await web.sendFile(token, FILES.png);
    const path = `/accounts/mine/conversations/${encodeURIComponent(user)}`;
    const sent = simulator.control.phone().shown.findLast(({ from }) => from === 'bot');
    simulator.control.messages([
      { text: 'what is this?', quote: { id: sent?.messageId as string } },
      { voice: { bytes: await voice() } },
    ]);
    await runHere(
      [
        'run',
        '--once',
        '--no-typing',
        '--pace',
        '0',
        '--exec',
        'echo no such thing >&2; echo at all >&2; exit 3',
      ],
      { home, env },
    );

    const newest = await web.ask(`${path}/entries?limit=5`, { token });
    const [file, quoting, ...others] = entriesOf(newest);
    expect(file?.part).toMatchObject({ id: part, origin: 'send', name: 'photo.png', hasFile: true });
    expect(quoting?.message).toMatchObject({
      text: 'what is this?',
      quote: { text: '' },
      detail: expect.stringContaining('no such thing\nat all'),
    });
    // The voice, and a notice about each.
    expect(others).toHaveLength(3);

    const bytes = await web.ask(`/accounts/mine/parts/${part}/file`, { token });
    expect([bytes.status, bytes.headers['content-type'], bytes.headers['content-disposition']]).toEqual([
      ...[200, 'image/png', "inline; filename*=UTF-8''photo.png"],
    ]);
    expect(bytes.headers['content-length']).toBe(String(FILES.png.bytes.length));

    const all = entriesOf(await web.ask(`${path}/entries`, { token }));
    const heard = all.find(
      ({ message }) =>
        message?.text === '' &&
        message.id !== undefined &&
        'files' in message &&
        (message.files as { kind: string }[])[0]?.kind === 'voice',
    );
    const file0 = `/accounts/mine/messages/${heard?.message?.id}/files/0`;
    const wav = await web.ask(`${file0}?as=wav`, { token, headers: { range: 'bytes=0-3' } });
    expect([wav.status, wav.headers['content-type'], wav.text]).toEqual([206, 'audio/wav', 'RIFF']);
    expect((await web.ask(file0, { token })).headers['content-type']).toBe('application/octet-stream');

    const older = (await web.ask(`${path}/entries?limit=5&older=${newest.json?.older}`, { token })).json;
    expect(older?.newer).not.toBe(newest.json?.newer);
    const next = await web.ask(`${path}/entries?limit=500&newer=${older?.newer}`, { token });
    expect(saidIn(next)).toEqual(saidIn(newest).concat(saidIn(next).slice(5)));
    const upTo = await web.ask(`${path}/entries?part=${part}&limit=1`, { token });
    expect(entriesOf(upTo)[0]?.part?.id).toBe(part);
    expect((await web.ask(`${path}/entries?part=999`, { token })).status).toBe(404);
    expect((await web.ask(`${path}/entries?part=1&older=1.1`, { token })).status).toBe(422);
  });

  test('the list tells what came last and what nobody has seen; a search finds both sides', async () => {
    const { web, messages, user } = await makeWebWorld(environment());
    const token = await web.token('--scope', 'admin');
    await web.post('/accounts/mine/send', { text: 'Hello there, ÄRGER', to: user }, { token });
    const list = await web.ask('/accounts/mine/conversations', { token });
    expect((list.json as { conversations: object[] }).conversations[0]).toMatchObject({
      id: user,
      failed: 1,
      unseen: messages.length,
      last: { message: null, text: 'Hello there, ÄRGER' },
    });
    const read = await web.token('--scope', 'read');
    expect((await web.post('/accounts/mine/seen', {}, { token: read })).status).toBe(403);
    const last = { message: messages.at(-1) };
    expect((await web.post('/accounts/mine/seen', last, { token })).status).toBe(204);
    const path = `/accounts/mine/conversations/${encodeURIComponent(user)}`;
    expect((await web.ask(path, { token })).json).toMatchObject({ unseen: 0 });
    const found = async (what: string) => {
      const { json } = await web.ask(`/accounts/mine/${what}`, { token });
      return (json?.messages ?? json?.parts) as { text: string }[];
    };
    expect(await found('messages?text=HELLO%20%3Cb')).toMatchObject([{ text: 'hello <b>bot</b>' }]);
    expect(await found(`messages?text=photo.png&user=${encodeURIComponent(user)}`)).toHaveLength(1);
    expect(await found('messages?text=item_list')).toEqual([]);
    expect(await found('parts?text=there,%20%C3%A4rger')).toMatchObject([{ text: 'Hello there, ÄRGER' }]);
    expect(await found('parts?text=there&verdict=held')).toEqual([]);
    const other = await web.token('--scope', 'read', '--account', 'mine', '--to', 'friend@im.wechat');
    expect((await web.ask('/accounts/mine/conversations', { token: other })).json?.conversations).toEqual([]);
    expect((await web.ask(`${path}/entries`, { token: other })).status).toBe(404);
  });
});
