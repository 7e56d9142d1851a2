/** WXAGENT_SOAK is the number of messages of a test, WXAGENT_SEED its plan. */
export const MESSAGES = Number(process.env.WXAGENT_SOAK ?? 20_000);
export const SEED = Number(process.env.WXAGENT_SEED ?? Date.now() % 1_000_000);
export const LIMIT_MS = 4 * 60 * 60_000;
