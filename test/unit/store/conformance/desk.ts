import type {
  ChatPolicy,
  Claim,
  ClaimedPart,
  EndedTurn,
  HeldPart,
  IncomingMessage,
  Intake,
  IntakeResult,
  NewPart,
  PartContent,
  PartOrigin,
  PartView,
  SendReply,
  SendRequest,
  Source,
  StartedTurn,
  Store,
  TurnResult,
  Verdict,
} from '../../../../src/store/port/port.ts';

/** One set of data and the processes that use it, for the conformance suite of the store port. */
export interface StoreUnderTest {
  /** Opens the data as the process of this name would; several may be open at once. */
  open(process: string): Store | Promise<Store>;
  /** From now on this process counts as gone. */
  kill(process: string): void;
  dispose(): Promise<void>;
}

/** Makes an empty set of data. */
export type MakeStore = () => Promise<StoreUnderTest>;

export const ACCOUNT = 'c41f09aa77be@im.bot';
export const OWNER = 'o9cq80zExampleUser01@im.wechat';
export const FRIEND = 'o9cq80zExampleUser02@im.wechat';
export const LOGIN = 'login-1';
/** A moment that is no whole second, as servers give them. */
export const START_MS = Date.UTC(2026, 10, 22, 12, 0, 0, 123);

let made = 0;

/** A message unlike every other one, but for what is said. */
export function incoming(over: Partial<IncomingMessage> = {}): IncomingMessage {
  const n = ++made;
  return {
    id: String(7_312_345_678_901_234_567n + BigInt(n)),
    user: OWNER,
    createdAtMs: START_MS + n,
    contextToken: `token-${n}`,
    kind: 'text',
    mediaKeys: [],
    unknownItems: 0,
    fingerprint: `content-${n}`,
    raw: Buffer.from(JSON.stringify({ n })),
    ignore: null,
    chat: { command: null, agentFrom: 0 },
    language: null,
    said: { text: '', atMs: null, quote: null },
    ...over,
  };
}

/** A text part unlike every other one. */
export function part(text: string, origin: PartOrigin = 'answer'): NewPart {
  return { clientId: `client-${++made}`, origin, runId: null, text, file: null };
}

/** Adds a source without options, whose token has its name as digest. */
export function addSource(
  { access }: Pick<Store, 'access'>,
  name: string,
  over: Partial<Source> = {},
): Promise<boolean> {
  return access.addSource({
    source: {
      ...{ name, account: ACCOUNT, user: null, title: null, template: null, ttlMs: null },
      ...{ digestMs: 0, limit: null, quietHours: null, isImportant: false, fallback: null, secret: null },
      ...{ createdAtMs: START_MS, lastUsedAtMs: null, digest: name },
      ...over,
    },
    by: 'terminal',
    nowMs: START_MS,
  });
}

/** Terms of intakes in which nothing is special; a notice says what it is about, as JSON. */
export const TERMS: ChatPolicy = {
  busy: 'queue',
  mergeMs: 0,
  questionTo: () => null,
  noticeOf: (news) => [part(JSON.stringify(news), 'notice')],
};

/** A body of this suite: what `encode` was given, as JSON. */
export function contentOf(body: Buffer): PartContent {
  return JSON.parse(body.toString('utf8')) as PartContent;
}

/** Joins held texts with a bar, so that tests see what was merged; files stay as they are. */
export function mergeWithBars(held: HeldPart[]): { text: string; file: HeldPart['file'] }[] {
  const texts = held.filter((one) => one.file === null).map((one) => one.text);
  const files = held.filter((one) => one.file !== null).map(({ file }) => ({ text: '', file }));
  return [...(texts.length > 0 ? [{ text: texts.join('|'), file: null }] : []), ...files];
}

/** A store with a clock of its own and short words for the steps that tests are made of. */
export interface Desk {
  store: Store;
  /** The time that steps are given; tests move it. */
  nowMs: number;
  receive(
    messages: IncomingMessage[],
    over?: Partial<Intake>,
    beforeCommit?: (result: IntakeResult) => void,
  ): Promise<IntakeResult>;
  /** A user writes something new; the number of the message. */
  says(user: string, over?: Partial<IncomingMessage>): Promise<number>;
  start(seq: number): Promise<StartedTurn>;
  /** The turn of a message, as it was started last. */
  turnOf(seq: number): EndedTurn;
  /** Starts a turn and ends it. */
  runs(seq: number): Promise<StartedTurn>;
  /** Ends a turn. */
  finish(seq: number, result: TurnResult, parts?: NewPart[]): Promise<void>;
  /** A message is run and answered with these texts. */
  answers(seq: number, ...texts: string[]): Promise<void>;
  /** Queues a text beside any turn. */
  sends(user: string, text: string, over?: Partial<SendRequest>): Promise<PartView>;
  claim(user: string, paceMs?: number): Promise<Claim>;
  /** Claims a part, which must be there to claim. */
  claimed(user: string, paceMs?: number): Promise<ClaimedPart>;
  settle(seq: number, reply: SendReply): Promise<Verdict>;
  accept(seq: number): Promise<Verdict>;
  refuse(seq: number, code?: number, errmsg?: string): Promise<Verdict>;
  /** Claims and has accepted all that can go to a user; the texts in order. */
  deliver(user: string): Promise<string[]>;
  view(seq: number): Promise<PartView>;
}

/** A desk on an open store whose account is known and owned. */
export async function createDesk(opened: Store, owner: string | null = OWNER): Promise<Desk> {
  const { store, turns } = remembering(opened);
  const desk: Desk = {
    store,
    nowMs: START_MS,
    receive(messages, over = {}, beforeCommit) {
      const intake = {
        account: ACCOUNT,
        login: LOGIN,
        cursor: null,
        messages,
        writtenAfterMs: null,
        allow: new Set<string>(),
        dedupeWindowMs: 0,
        nowMs: desk.nowMs,
        merge: mergeWithBars,
        chat: TERMS,
        ...over,
      };
      return store.inbox.storeMessages(intake, beforeCommit);
    },
    async says(user, over = {}) {
      const message = incoming({ user, createdAtMs: desk.nowMs, ...over });
      const { messages } = await desk.receive([message], { allow: 'all' });
      return (messages[0] as IntakeResult['messages'][0]).seq;
    },
    async start(seq) {
      const started = await store.turns.startTurn({ account: ACCOUNT, seq, mergeMs: 0, nowMs: desk.nowMs });
      if (!started || !('attempt' in started)) throw new Error(`message ${seq} is not to be started`);
      return started;
    },
    async runs(seq) {
      const started = await desk.start(seq);
      await desk.finish(seq, { kind: 'done' });
      return started;
    },
    turnOf: (seq) => turns.get(seq) ?? { seq, id: '', user: OWNER, messages: [], attempt: 1 },
    async finish(seq, result, parts = []) {
      const turn = desk.turnOf(seq);
      await store.turns.finishTurn({ account: ACCOUNT, turn, result, parts, nowMs: desk.nowMs, claim: null });
    },
    async answers(seq, ...texts) {
      await desk.start(seq);
      const parts = texts.map((text) => part(text));
      await desk.finish(seq, { kind: 'done' }, parts);
    },
    async sends(user, text, over = {}) {
      const [view] = await store.outbox.enqueue({
        account: ACCOUNT,
        user,
        parts: [part(text, 'send')],
        message: null,
        id: null,
        key: null,
        expiresAtMs: null,
        nowMs: desk.nowMs,
        ...over,
      });
      return view as PartView;
    },
    claim: (user, paceMs = 0) =>
      store.outbox.claimPart({
        account: ACCOUNT,
        user,
        nowMs: desk.nowMs,
        paceMs,
        encode: (content) => Buffer.from(JSON.stringify(content)),
      }),
    async claimed(user, paceMs) {
      const claim = await desk.claim(user, paceMs);
      if (claim.kind !== 'part') throw new Error(`nothing to send, but ${JSON.stringify(claim)}`);
      return claim.part;
    },
    settle: (seq, reply) => store.outbox.settlePart({ account: ACCOUNT, seq, reply, nowMs: desk.nowMs }),
    accept: (seq) => desk.settle(seq, { kind: 'accepted', messageId: `server-${seq}` }),
    refuse: (seq, code = -2, errmsg = 'prepare failed') =>
      desk.settle(seq, { kind: 'refused', code, errmsg }),
    async deliver(user) {
      const texts: string[] = [];
      for (;;) {
        const claim = await desk.claim(user);
        if (claim.kind !== 'part') return texts;
        texts.push(contentOf(claim.part.body).text);
        await desk.accept(claim.part.seq);
      }
    },
    async view(seq) {
      const [view] = await store.outbox.parts([seq]);
      if (!view) throw new Error(`there is no part ${seq}`);
      return view;
    },
  };
  await store.admin.openAccount({ account: ACCOUNT, login: LOGIN, owner, nowMs: desk.nowMs });
  return desk;
}

/** A store and the turns that it has started, for their ends. */
function remembering(store: Store): { store: Store; turns: Map<number, StartedTurn> } {
  const turns = new Map<number, StartedTurn>();
  const note = (started: readonly StartedTurn[]): void => {
    for (const turn of started) turns.set(turn.seq, turn);
  };
  return {
    turns,
    store: {
      ...store,
      turns: {
        ...store.turns,
        async startTurn(input) {
          const started = await store.turns.startTurn(input);
          if (started && 'seq' in started) note([started]);
          return started;
        },
        async recover(input) {
          const result = await store.turns.recover(input);
          note(result.failed);
          return result;
        },
      },
    },
  };
}
