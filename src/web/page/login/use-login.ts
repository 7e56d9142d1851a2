import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ask, Problem } from '../api-client/api.ts';
import type { Login } from '../api-client/types.ts';
import type { TabMemory } from '../frame/tab-memory.ts';
import { complain } from '../frame/toast.tsx';
import { loginWords } from './words.ts';

/** How often a login is looked at. */
const LOOK_MS = 1_000;

export interface LoginPlace {
  /** The route of the API: `/logins`, or `/invitation/logins`. */
  path: string;
  /** The token of a guest; without it, the session of the browser. */
  token?: string;
  /** Where the ID of the login is kept over a reload. */
  memory: TabMemory;
}

/** A login that this page has begun, and what can be done with it. */
export interface LoginHandle {
  /** null: none goes on. */
  login: Login | null;
  /** It has not come to its end. */
  isGoingOn: boolean;
  /** Why it cannot be looked at just now, as a sentence; null: it can. */
  problem: string | null;
  begin(request?: { name?: string; force?: boolean }): Promise<void>;
  verify(code: string): Promise<void>;
  cancel(): Promise<void>;
  /** Its end has been seen. */
  forget(): void;
}

/** Follows a login for as long as it goes on, also one that was begun before a reload. */
export function useLogin({ path, token, memory }: LoginPlace): LoginHandle {
  const id = useSignal(memory.get());
  const login = useSignal<Login | null>(null);
  const problem = useSignal<string | null>(null);
  const by = token === undefined ? {} : { token };

  function take(next: Login | null): void {
    login.value = next;
    id.value = next?.id ?? null;
    memory.set(id.value);
    problem.value = null;
  }

  const isOver = login.value !== null && ['done', 'failed', 'cancelled'].includes(login.value.state);
  useEffect(() => {
    const watched = id.value;
    if (watched === null || isOver) return;
    let next: ReturnType<typeof setTimeout> | undefined;
    let isEnded = false;
    const look = async (): Promise<void> => {
      try {
        const found = await ask<Login>(`${path}/${watched}`, by);
        if (isEnded) return;
        login.value = found;
        problem.value = null;
      } catch (thrown) {
        if (isEnded) return;
        // The server has forgotten it, or this browser may not know of it any more.
        if (thrown instanceof Problem && [401, 404].includes(thrown.status)) {
          if (login.peek() !== null) complain(loginWords().lost);
          return take(null);
        }
        problem.value = thrown instanceof Error ? thrown.message : String(thrown);
      }
      next = setTimeout(look, LOOK_MS);
    };
    void look();
    return () => {
      isEnded = true;
      clearTimeout(next);
    };
  }, [id.value, isOver]);

  return {
    login: login.value,
    isGoingOn: login.value !== null && !isOver,
    problem: problem.value,
    async begin(request) {
      take(await ask<Login>(path, { method: 'POST', ...by, ...(request ? { body: request } : {}) }));
    },
    async verify(code) {
      login.value = await ask<Login>(`${path}/${id.value}/code`, { body: { code }, ...by });
    },
    async cancel() {
      await ask(`${path}/${id.value}`, { method: 'DELETE', ...by });
      take(null);
    },
    forget: () => take(null),
  };
}
