/** What a tab remembers over a reload, and no other tab knows. Where a browser keeps nothing, it lasts as long as the page. */
export interface TabMemory {
  get(): string | null;
  set(value: string | null): void;
}

export function tabMemory(name: string): TabMemory {
  let known = attempt(() => sessionStorage.getItem(name)) ?? null;
  return {
    get: () => known,
    set(value) {
      known = value;
      attempt(() => (value === null ? sessionStorage.removeItem(name) : sessionStorage.setItem(name, value)));
    },
  };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    // Storage is switched off: the page works all the same.
    return undefined;
  }
}
