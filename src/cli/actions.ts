/**
 * The commands that work with the store, as one thing to load: what they share would otherwise lie in
 * twenty files of the bundle, and each file takes its time at every start (scripts/together.mjs).
 */
export { listAccounts, logout, useAccount } from './accounts.ts';
export { allowUser, disallowUser, listAllowed } from './allow.ts';
export { download } from './download.ts';
export { listen } from './listen.ts';
export { login } from './login.ts';
export { messages } from './messages.ts';
export { dropFromOutbox, listOutbox } from './outbox.ts';
export { retry } from './retry.ts';
export { run } from './run.ts';
export { send } from './send.ts';
export { status } from './status.ts';
