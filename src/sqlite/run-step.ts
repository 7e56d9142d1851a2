import { type Request, runThrough, Statement, type Step } from '../sql/statement.ts';
import type { Database } from './database.ts';

export function runStep<T>(database: Database, step: Step<T>): T {
  return runThrough(step, (request: Request) =>
    request instanceof Statement ? database.answer(request) : request.statements.map(database.answer),
  );
}
