/** What the pages of a browser say to each other. */
export interface Channel {
  /** Tells all others, and not this page. */
  tell(message: unknown): void;
  close(): void;
}

/** Opens a channel to the other pages of this browser. Where a browser keeps nothing, it may refuse: nobody is told. */
export function openChannel(name: string, onMessage: (message: unknown) => void): Channel {
  try {
    const channel = new BroadcastChannel(name);
    channel.addEventListener('message', ({ data }) => onMessage(data));
    return { tell: (message) => channel.postMessage(message), close: () => channel.close() };
  } catch {
    return { tell() {}, close() {} };
  }
}
