import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Intake, IntakeResult, Triage } from '../../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  type MakeStore,
  OWNER,
  START_MS,
  type StoreUnderTest,
  TERMS,
} from '../desk.ts';

/** What is taken in for later (`send`, `login`), and decided about by the runner that serves it. */
export function describeTriage(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  /** The terms of a `send` count for nothing, whatever they are. */
  const takeInLater = (...messages: ReturnType<typeof incoming>[]): Promise<IntakeResult> =>
    desk.receive(messages, {
      triage: 'later',
      allow: new Set(),
      dedupeWindowMs: 0,
    } satisfies Partial<Intake>);
  const triage = (over: Partial<Triage> = {}): Promise<IntakeResult> =>
    desk.store.inbox.triage({
      account: ACCOUNT,
      nowMs: desk.nowMs,
      allow: new Set(),
      dedupeWindowMs: 0,
      chat: TERMS,
      read: (raw) => ({ ignore: null, chat: null, ...JSON.parse(raw.toString('utf8')) }),
      ...over,
    });
  const saying = (chat: object, user = OWNER): ReturnType<typeof incoming> =>
    incoming({ user, raw: Buffer.from(JSON.stringify({ chat })) });
  const states = ({ messages }: IntakeResult): string[] =>
    messages.map(({ state, reason }) => (reason === null ? state : `${state}: ${reason}`));

  test('a message waits, is run by nobody before its triage, and is decided about once', async () => {
    await takeInLater(incoming());
    expect(await desk.store.inbox.unfinished(ACCOUNT)).toEqual([]);
    expect((await desk.store.admin.accountView(ACCOUNT))?.inbox.received).toBe(1);
    expect(states(await triage())).toEqual(['received']);
    expect(await desk.store.inbox.unfinished(ACCOUNT)).toHaveLength(1);
    expect(states(await triage())).toEqual([]);
  });

  test.each<[string, Partial<Triage>, string]>([
    ['a stranger', {}, 'ignored: stranger'],
    ['who is let in by name', { allow: new Set([FRIEND]) }, 'received'],
    ['where everybody is', { allow: 'all' }, 'received'],
  ])('%s, as the runner has it', async (_, terms, state) => {
    expect(states(await takeInLater(incoming({ user: FRIEND })))).toEqual(['received']);
    expect(states(await triage(terms))).toEqual([state]);
  });

  test('who was let in by command meanwhile is in', async () => {
    await takeInLater(incoming({ user: FRIEND }));
    await desk.store.admin.setAllowed({ account: ACCOUNT, user: FRIEND, allowed: true, nowMs: desk.nowMs });
    expect(states(await triage())).toEqual(['received']);
  });

  test('what is too old, and what repeats another, is for the runner to say', async () => {
    await takeInLater(
      incoming({ raw: Buffer.from('{"ignore":"too-old"}') }),
      incoming({ fingerprint: 'ok' }),
      incoming({ fingerprint: 'ok' }),
    );
    expect(states(await triage({ dedupeWindowMs: 60_000 }))).toEqual([
      'ignored: too-old',
      'received',
      'duplicate',
    ]);
    expect(await desk.store.inbox.unfinished(ACCOUNT)).toHaveLength(1);
  });

  test('chat commands are executed then, in their order, once', async () => {
    await takeInLater(incoming(), saying({ command: 'stop', agentFrom: null }), incoming());
    const result = await triage();
    expect(states(result)).toEqual(['received', 'command: command', 'received']);
    expect(result.superseded).toHaveLength(1);
    expect(await desk.store.inbox.unfinished(ACCOUNT)).toHaveLength(1);
    expect(JSON.parse((await desk.deliver(OWNER))[0] ?? '')).toMatchObject({ about: 'stop', dropped: 1 });
  });

  test('a stranger commands nothing', async () => {
    await takeInLater(saying({ command: 'stop', agentFrom: null }, FRIEND));
    expect(states(await triage({ allow: 'all' }))).toEqual(['received']);
  });

  test.each<['reject' | 'latest', string[], number]>([
    ['reject', ['received', 'ignored: busy', 'ignored: busy'], 1],
    ['latest', ['received', 'received', 'received'], 1],
  ])('--busy %s counts earlier messages, not the message itself or later ones', async (busy, all, left) => {
    await takeInLater(incoming(), incoming(), incoming());
    expect(states(await triage({ chat: { ...TERMS, busy } }))).toEqual(all);
    expect(await desk.store.inbox.unfinished(ACCOUNT)).toHaveLength(left);
  });

  test('what was written in one go is one turn', async () => {
    await takeInLater(incoming({ createdAtMs: START_MS }), incoming({ createdAtMs: START_MS + 1_000 }));
    await triage({ chat: { ...TERMS, mergeMs: 5_000 } });
    desk.nowMs += 60_000;
    const [first] = await desk.store.inbox.unfinished(ACCOUNT);
    const started = await desk.store.turns.startTurn({
      account: ACCOUNT,
      seq: first?.seq ?? 0,
      mergeMs: 5_000,
      nowMs: desk.nowMs,
    });
    expect(started && 'seq' in started ? started.messages : []).toHaveLength(2);
  });

  test('it brings the token, the budget and the release of what is held at once', async () => {
    await desk.sends(FRIEND, 'held');
    await desk.claim(FRIEND);
    const taken = await takeInLater(incoming({ user: FRIEND, contextToken: 'new' }));
    expect(taken.released).toEqual([FRIEND]);
    expect(await desk.deliver(FRIEND)).toEqual(['held']);
  });

  test('it comes again: known, whoever takes it in', async () => {
    const message = incoming();
    await takeInLater(message);
    expect(states(await takeInLater(message))).toEqual(['duplicate']);
    expect(states(await desk.receive([message]))).toEqual(['duplicate']);
    expect(states(await triage())).toEqual(['received']);
  });
}
