import { languageOf } from '../api/problem.ts';
import type { Route } from '../api/route.ts';
import { COUNT, listOf, objectOf, oneOf, optionalOf, orNull, TEXT, TIME, YES_NO } from '../api/schema.ts';
import { unhurried } from '../api/slow-answer.ts';
import { findAccount } from './accounts.ts';

/** The agents of this machine, the processes that share a database, and whether everything works. */
export const MACHINE_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/agents',
    about: 'the agents that --acp knows by name, and which are installed where the server runs',
    scopes: ['read'],
    reach: 'server',
    answer: objectOf({
      agents: listOf(
        objectOf({
          name: TEXT,
          title: TEXT,
          installed: YES_NO,
          path: orNull(TEXT),
          program: TEXT,
          args: listOf(TEXT),
          npmPackage: orNull(TEXT),
          command: orNull(listOf(TEXT)),
          login: orNull(TEXT),
          source: TEXT,
        }),
      ),
    }),
    handle: async ({ backend }) => ({ json: { agents: await backend.agents() } }),
  },
  {
    method: 'get',
    path: '/workers',
    about: 'the processes that receive messages from a PostgreSQL store',
    scopes: ['read'],
    reach: 'server',
    answer: objectOf({
      workers: listOf(
        objectOf({
          id: TEXT,
          name: TEXT,
          host: TEXT,
          pid: COUNT,
          version: TEXT,
          purpose: oneOf('share', 'serve', 'look'),
          state: oneOf('serving', 'leaving', 'expired'),
          accounts: COUNT,
          capacity: orNull(COUNT),
          startedAt: TIME,
          lagMs: { type: 'integer' },
        }),
      ),
    }),
    handle: async ({ backend }) => ({ json: { workers: await backend.workers() } }),
  },
  {
    method: 'get',
    path: '/doctor',
    about: 'checks network, clock, login, files, disk and database; takes some seconds',
    scopes: [],
    reach: 'server',
    query: optionalOf({
      account: { ...TEXT, description: 'whose login and server; without it, those of the default account' },
    }),
    answer: objectOf({
      ok: YES_NO,
      checks: listOf(
        objectOf({ name: TEXT, ok: YES_NO, detail: TEXT, hint: orNull(TEXT), durationMs: COUNT }),
      ),
    }),
    errors: [404],
    async handle({ backend, incoming, query }) {
      const { account: name } = query;
      const account = name === undefined ? null : findAccount(await backend.accounts(), String(name));
      const { ok, checks } = await unhurried(incoming, () => backend.doctor(account));
      const told = await backend.translator(languageOf(incoming.headers['accept-language']));
      return { json: { ok, checks: checks.map((check) => ({ ...check, detail: told(check.detail) })) } };
    },
  },
];
