import { whoMay } from '../guard/scope.ts';
import { PROBLEM_KINDS } from './problem.ts';
import type { Route } from './route.ts';
import { type ObjectSchema, objectOf, oneOf, orNull, type Schema, TEXT } from './schema.ts';

/** The statuses that any route may answer with, beside its own: of every request, and of those that need a credential. */
const ALWAYS = [421, 422, 500, 503];
const WITH_CREDENTIAL = [401, 403, 429];
const WITH_BODY = [400, 413, 415];

/** What the `type` of a problem leads to. */
const PROBLEM: Schema = objectOf({
  type: TEXT,
  title: TEXT,
  status: { type: 'integer', minimum: 400, maximum: 599 },
  detail: TEXT,
  kind: oneOf(...PROBLEM_KINDS),
  hint: orNull(TEXT),
});

/** The statuses of the problems that a route may answer with. */
export function problemsOf({ scopes, body, errors = [] }: Route): number[] {
  const all = [
    ...ALWAYS,
    ...(scopes === null ? [] : WITH_CREDENTIAL),
    ...(body ? [...WITH_BODY, 403] : []),
    ...errors,
  ];
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The OpenAPI document of these routes, for a server whose sessions have this cookie. */
export function openApiOf(routes: readonly Route[], version: string, cookieName: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    (paths[route.path] as Record<string, object>)[route.method] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'wxagent',
      version,
      description: 'See docs/api.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }, { cookie: [] }],
    paths,
    components: {
      schemas: { Problem: PROBLEM },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'wxagent token add <name>' },
        cookie: {
          type: 'apiKey',
          in: 'cookie',
          name: cookieName,
          description: 'POST /session with a one-time code',
        },
      },
    },
  };
}

function operationOf(route: Route): object {
  const { method, path, about, scopes, query, headers, body, status = 200, answer, media } = route;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true, schema: TEXT },
  }));
  const parametersIn = (place: 'query' | 'header', given?: ObjectSchema): object[] =>
    Object.entries(given?.properties ?? {}).map(([name, schema]) => ({
      ...{ name, in: place, required: given?.required.includes(name), schema },
    }));
  const good = {
    description: about,
    ...(answer ? { content: { 'application/json': { schema: answer } } } : {}),
    ...(media ? { content: { [media]: {} } } : {}),
  };
  const needs = scopes === null ? 'nothing' : whoMay(scopes);
  return {
    operationId: `${method}${path.replaceAll(/[/{}-]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: about,
    description: `Scope: ${needs}.`,
    ...(scopes === null ? { security: [] } : {}),
    parameters: [...inPath, ...parametersIn('query', query), ...parametersIn('header', headers)],
    ...(body ? { requestBody: { required: true, content: contentOf(route) } } : {}),
    responses: {
      [status]: good,
      ...(headers?.properties.Range ? { 206: good } : {}),
      ...Object.fromEntries(problemsOf(route).map((one) => [one, PROBLEM_RESPONSE])),
    },
  };
}

function contentOf({ body, multipart }: Route): object {
  return {
    'application/json': { schema: body },
    ...(multipart ? { 'multipart/form-data': { schema: multipart } } : {}),
  };
}

const PROBLEM_RESPONSE = {
  description: 'a problem',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};
