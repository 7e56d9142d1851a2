/**
 * The commands that work with the store, as one thing to load: what they share would otherwise lie in
 * twenty files of the bundle, and each file takes its time at every start (scripts/together.mjs).
 */
export { listAccounts, logout, useAccount } from './admin/accounts.ts';
export { allowUser, disallowUser, listAllowed } from './admin/allow.ts';
export { messages } from './admin/messages.ts';
export { dropFromOutbox, listOutbox } from './admin/outbox.ts';
export { retry } from './admin/retry.ts';
export { status } from './admin/status.ts';
export { download } from './download/download.ts';
export { login } from './login/login.ts';
export { listen } from './run/listen.ts';
export { run } from './run/run.ts';
export { send } from './send/send.ts';
