/** Messages that the bot may send after a message of the user (protocol 9.2). */
export const BUDGET_MESSAGES = 10;
/** How long after it they may be sent: the reply window. */
export const BUDGET_WINDOW_MS = 24 * 60 * 60_000;
