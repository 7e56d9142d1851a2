import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  ACCOUNT,
  addSource,
  createDesk,
  type Desk,
  incoming,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
} from '../desk.ts';

const MINUTE_MS = 60_000;

/** What was merged with something else goes to a command as it would have alone. */
export function describeMergedFallbacks(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
    await addSource(desk.store, 'nas', { fallback: { command: './own', withinMs: 2 * MINUTE_MS } });
    await addSource(desk.store, 'plain');
    await desk.runs(await desk.says(OWNER));
  });
  afterEach(() => data.dispose());

  const tell = ({ pushes }: { pushes: readonly { text: string }[] }) =>
    pushes.map(({ text }) => text).join('|');
  const pushes = (source: string, text: string, isImportant = false) =>
    desk.sends(OWNER, text, {
      parts: [{ ...part(text, 'send'), runId: text }],
      push: { source, digest: source, isImportant, tell },
    });
  const claim = (withinMs: number | null = null) =>
    desk.store.outbox.claimFallback({ account: ACCOUNT, withinMs, nowMs: desk.nowMs, leaseMs: 1 });
  /** What is queued goes, and the server does not say whether it was shown. */
  const sent = async () =>
    desk.settle((await desk.claimed(OWNER)).seq, { kind: 'accepted', messageId: null });
  const refused = async () => desk.refuse((await desk.claimed(OWNER)).seq);

  test('a held push that was merged into an answer', async () => {
    await desk.answers(await desk.says(OWNER), 'answer');
    const { seq } = await pushes('nas', 'alert');
    await refused();
    await desk.says(OWNER);
    const { part: carrier } = await sent();
    expect(carrier).toMatchObject({ origin: 'answer', text: 'answer|alert' });
    expect(await desk.view(seq)).toMatchObject({ state: 'merged', mergedInto: carrier.seq });
    expect(await claim()).toBe(null);
    desk.nowMs += 2 * MINUTE_MS;
    expect(await claim()).toMatchObject({
      ...{ command: './own', source: 'nas', verdict: 'unconfirmed' },
      parts: [{ seq: carrier.seq, text: 'answer|alert' }],
    });
  });

  test.each([
    ['as many as there were', ['answer|al', 'ert'], true],
    ['more', ['answer|', 'al', 'ert'], true],
    ['more, of one', ['al', 'ert'], false],
  ])('a held push that is cut anew, into texts that are %s', async (_, texts, isBehindAnswer) => {
    if (isBehindAnswer) await desk.answers(await desk.says(OWNER), 'answer');
    await pushes('nas', 'alert');
    await refused();
    await desk.receive([incoming()], { merge: () => texts.map((text) => ({ text, file: null })) });
    for (const _text of texts) await sent();
    desk.nowMs += 2 * MINUTE_MS;
    const told: string[] = [];
    for (let found = await claim(); found; found = await claim()) {
      expect(found).toMatchObject({ command: './own', source: 'nas' });
      told.push(...found.parts.map(({ text }) => text));
      const seqs = found.parts.map(({ seq }) => seq);
      await desk.store.outbox.settleFallback({ account: ACCOUNT, seqs, isDone: true, nowMs: desk.nowMs });
    }
    expect(told.join('')).toBe(texts.join(''));
  });

  test('what send wrote, merged into an answer, and again into another', async () => {
    await desk.answers(await desk.says(OWNER), 'one');
    await refused();
    const { seq } = await desk.sends(OWNER, 'sent');
    const again = await desk.says(OWNER);
    await refused();
    await desk.answers(again, 'two');
    await desk.says(OWNER);
    const { part: carrier } = await sent();
    expect(carrier).toMatchObject({ origin: 'answer', text: 'one|sent|two' });
    expect((await desk.view(seq)).mergedInto).toBe(carrier.seq);
    desk.nowMs += 10 * MINUTE_MS;
    expect(await claim()).toBe(null);
    expect(await claim(10 * MINUTE_MS)).toMatchObject({
      command: null,
      source: null,
      parts: [{ seq: carrier.seq }],
    });
  });

  test('a push that was merged into a question; a question alone does not go there', async () => {
    const asks = (text: string) =>
      desk.store.questions.ask({
        ...{ account: ACCOUNT, user: OWNER, choices: null, timeoutMs: MINUTE_MS, fingerprint: null },
        ...{ message: null, compose: () => [part(text, 'send')], nowMs: desk.nowMs },
      });
    await asks('deploy?');
    await pushes('nas', 'alert');
    await refused();
    await desk.says(OWNER);
    await sent();
    await asks('again?');
    await sent();
    desk.nowMs += 10 * MINUTE_MS;
    expect(await claim(MINUTE_MS)).toMatchObject({ command: './own', parts: [{ text: 'deploy?|alert' }] });
    desk.nowMs += 10 * MINUTE_MS;
    await desk.store.outbox.settleFallback({ account: ACCOUNT, seqs: [1], isDone: true, nowMs: desk.nowMs });
    expect(await claim(MINUTE_MS)).toBe(null);
  });

  test('a push that was joined into one of a source without a command', async () => {
    for (let n = 0; n < 7; n++) await desk.sends(OWNER, `${n}`);
    await desk.deliver(OWNER);
    await pushes('plain', 'plain');
    await pushes('nas', 'alert');
    desk.nowMs += MINUTE_MS;
    await desk.store.outbox.releasePushes({ account: ACCOUNT, user: OWNER, nowMs: desk.nowMs, tell });
    await sent();
    desk.nowMs += 2 * MINUTE_MS;
    expect(await claim()).toMatchObject({
      command: './own',
      source: 'nas',
      parts: [{ text: 'plain|alert' }],
    });
  });

  test('an important one that was merged into another: at once when it is held', async () => {
    await pushes('plain', 'plain');
    await refused();
    await pushes('nas', 'urgent', true);
    await desk.says(OWNER);
    expect(await claim()).toBe(null);
    await refused();
    expect(await claim()).toMatchObject({
      command: './own',
      verdict: 'held',
      parts: [{ text: 'plain|urgent' }],
    });
  });
}
