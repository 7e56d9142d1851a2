import { describeStore } from './conformance.ts';
import { makeSqliteStores } from './sqlite-stores.ts';

describeStore('the SQLite store', makeSqliteStores);
