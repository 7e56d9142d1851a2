/** Exit code of every error kind, after sysexits.h; part of the public contract. */
export const EXIT_CODES = {
  usage: 64,
  data: 65,
  'not-found': 66,
  network: 69,
  internal: 70,
  'cannot-create': 73,
  storage: 74,
  busy: 75,
  protocol: 76,
  'not-logged-in': 77,
  config: 78,
  cancelled: 130,
} as const satisfies Record<string, number>;

/** Exit codes of the signals that ask a command to stop. */
export const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;
