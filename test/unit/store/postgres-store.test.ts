import { afterAll, describe } from 'vitest';
import { SERVER } from '../../helpers/postgres.ts';
import { describeStore } from './conformance.ts';
import { postgresStores } from './postgres-stores.ts';

describe.skipIf(SERVER === null)('PostgreSQL', () => {
  const { make, drop } = postgresStores();
  afterAll(drop);
  describeStore('the store on a server', make);
});
