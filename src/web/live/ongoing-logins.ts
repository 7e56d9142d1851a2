import { randomUUID } from 'node:crypto';
import { asWxError, WxError } from '../../core/errors.ts';
import type { Caller } from '../access/authenticate.ts';
import type { KnownAccount, WebBackend } from '../port/backend.ts';

/** So many logins at the same time; one that is over is remembered for a while, so that its page hears of it. */
const MOST_LOGINS = 5;
const REMEMBERED_MS = 10 * 60_000;
/** So many of one guest are remembered: each asks WeChat for a code. */
const MOST_OF_GUEST = 20;

export type LoginState = 'starting' | 'waiting' | 'scanned' | 'verify' | 'done' | 'failed' | 'cancelled';

/** A login that somebody has begun through the API. */
export interface LoginView {
  id: string;
  /** The ID of the invitation by which it was begun; null: by an administrator. */
  invitation: string | null;
  state: LoginState;
  /** What its QR code says; null: there is none just now. */
  url: string | null;
  expiresAtMs: number | null;
  /** The digits that were given were wrong. */
  isWrongCode: boolean;
  account: KnownAccount | null;
  /** False: that bot was logged in already. */
  isNew: boolean | null;
  error: WxError | null;
}

/** Logins that go on beside requests. */
export interface OngoingLogins {
  /** Begins a login. Of an invitation one goes on at a time: whoever opens it meanwhile sees the same. */
  begin(request: { name: string | null; force: boolean }, caller: Caller): LoginView;
  /** Throws WxError `not-found`, also for one that a guest has not begun. */
  find(id: string, caller: Caller): LoginView;
  /** Gives the digits that the phone shows. Throws WxError `busy` when nothing asks for them. */
  verify(id: string, code: string, caller: Caller): LoginView;
  cancel(id: string, caller: Caller): LoginView;
  /** The invitation with this ID is removed: what goes on by it ends. */
  endInvitation(id: string): void;
  close(): Promise<void>;
}

interface Entry {
  view: LoginView;
  stop: AbortController;
  /** Takes the digits; null: nobody asks. */
  answer: ((code: string | null) => void) | null;
  endedAtMs: number | null;
  done: Promise<void>;
}

/** States in which nothing more happens. */
const OVER: readonly LoginState[] = ['done', 'failed', 'cancelled'];

/** The wire's own words: the phone has the code, and a code that is over. */
const SCANNED = ['scaned', 'scanned', 'scaned_but_redirect'];
const ENDS_CODE = ['expired', 'verify_code_blocked', 'binded_redirect'];

/** See {@link OngoingLogins}. */
export function createOngoingLogins(backend: WebBackend): OngoingLogins {
  const entries = new Map<string, Entry>();

  function sweep(): void {
    const nowMs = backend.clock.monotonic();
    for (const [id, { endedAtMs }] of entries)
      if (endedAtMs !== null && nowMs - endedAtMs > REMEMBERED_MS) entries.delete(id);
  }

  function entryOf(id: string, { invitation }: Caller): Entry {
    sweep();
    const entry = entries.get(id);
    if (entry && (invitation === null || entry.view.invitation === invitation.id)) return entry;
    throw new WxError('not-found', 'there is no such login, or no longer', { hint: 'POST /api/v1/logins' });
  }

  async function converse(
    entry: Entry,
    request: { name: string | null; force: boolean },
    caller: Caller,
  ): Promise<void> {
    const { view, stop } = entry;
    const asked = { ...request, by: caller.name, invitation: view.invitation };
    try {
      const { account, isNew } = await backend.login(asked, portOf(entry), stop.signal);
      Object.assign(view, { state: 'done', account, isNew });
    } catch (thrown) {
      if (view.state !== 'cancelled') Object.assign(view, { state: 'failed', error: asWxError(thrown) });
    } finally {
      Object.assign(view, { url: null, expiresAtMs: null });
      entry.endedAtMs = backend.clock.monotonic();
    }
  }

  const isOpen = ({ view }: Entry): boolean => !OVER.includes(view.state);

  function end(entry: Entry): void {
    if (!isOpen(entry)) return;
    Object.assign(entry.view, { state: 'cancelled', url: null, expiresAtMs: null });
    entry.answer?.(null);
    entry.stop.abort();
  }

  return {
    begin(request, caller) {
      sweep();
      const open = [...entries.values()].filter(isOpen);
      const invitation = caller.invitation?.id ?? null;
      const same = open.find(({ view }) => invitation !== null && view.invitation === invitation);
      if (same) return same.view;
      const tried = [...entries.values()].filter(({ view }) => view.invitation === invitation);
      if (invitation !== null && tried.length >= MOST_OF_GUEST)
        throw new WxError('busy', 'this invitation was tried too often: wait 10 minutes');
      if (open.length >= MOST_LOGINS)
        throw new WxError('busy', `${MOST_LOGINS} logins are going on already`, {
          hint: 'DELETE /api/v1/logins/{login}',
        });
      const view: LoginView = {
        id: randomUUID(),
        invitation,
        state: 'starting',
        url: null,
        expiresAtMs: null,
        isWrongCode: false,
        account: null,
        isNew: null,
        error: null,
      };
      const entry: Entry = {
        view,
        stop: new AbortController(),
        answer: null,
        endedAtMs: null,
        done: Promise.resolve(),
      };
      entries.set(view.id, entry);
      entry.done = converse(entry, request, caller);
      return view;
    },
    find: (id, caller) => entryOf(id, caller).view,
    verify(id, code, caller) {
      const { view, answer } = entryOf(id, caller);
      if (!answer) throw new WxError('busy', `this login asks for no code: it is ${view.state}`);
      answer(code);
      return view;
    },
    cancel(id, caller) {
      const entry = entryOf(id, caller);
      end(entry);
      return entry.view;
    },
    endInvitation(id) {
      for (const entry of entries.values()) if (entry.view.invitation === id) end(entry);
    },
    async close() {
      for (const { answer, stop } of entries.values()) {
        answer?.(null);
        stop.abort();
      }
      await Promise.all([...entries.values()].map(({ done }) => done));
    },
  };
}

/** Writes down what a login shows and asks for. */
function portOf(entry: Entry): Parameters<WebBackend['login']>[1] {
  const { view } = entry;
  const become = (state: LoginState): void => {
    if (!OVER.includes(view.state)) view.state = state;
  };
  return {
    showQr({ url, expiresAtMs }) {
      Object.assign(view, { url, expiresAtMs });
      become('waiting');
    },
    status(status) {
      if (SCANNED.includes(status)) become('scanned');
      if (!ENDS_CODE.includes(status)) return;
      // What nobody can scan any more is not shown until the next one comes.
      Object.assign(view, { url: null, expiresAtMs: null });
      become('starting');
    },
    askVerifyCode(wrong) {
      view.isWrongCode = wrong;
      become('verify');
      return new Promise((resolve) => {
        entry.answer = (code) => {
          entry.answer = null;
          become('scanned');
          resolve(code);
        };
      });
    },
  };
}
