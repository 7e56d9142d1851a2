/** Where an agent keeps a text: under a name, in one session of a user. */
export interface SessionKey {
  account: string;
  user: string;
  sessionId: string;
  name: string;
}

/** What is kept between the turns of a user. */
export interface Sessions {
  /** The text that an agent keeps under this key; null: none. */
  sessionValue(key: SessionKey): Promise<string | null>;
  /** Keeps a text under this key, in place of the one before, until the user's session ends; null forgets it. */
  setSessionValue(input: SessionKey & { value: string | null; nowMs: number }): Promise<void>;
  /** The user's newest context token. */
  contextToken(input: { account: string; user: string }): Promise<string | null>;
}
