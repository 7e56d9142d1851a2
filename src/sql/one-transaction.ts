import { Statement, type Step, together } from './statement.ts';

/** A step that waits for its transaction, and who waits for its result. */
export interface Work<S> {
  step: S;
  /** Gets the result when the step has run, before the commit: what it asks for at once joins the transaction. */
  beforeCommit: BeforeCommit<never> | undefined;
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
}

/** See {@link Work}. The transaction may fail, and the step run again: then it is called again. */
export type BeforeCommit<T> = (result: T) => void;

/** Takes the works that wait just now. */
export type TakeWaiting<S> = () => Work<S>[];

/** Runs works in one transaction. After an error each runs alone, unless it `isOfAll`. `run` adds those that join. */
export async function settleWorks<S>(
  works: Work<S>[],
  run: (works: Work<S>[]) => Promise<unknown[]>,
  isOfAll: (error: unknown) => boolean,
): Promise<void> {
  try {
    const results = await run(works);
    for (const [index, { resolve }] of works.entries()) resolve(results[index] as never);
  } catch (error) {
    if (works.length === 1 || isOfAll(error)) for (const { reject } of works) reject(error);
    else for (const work of works) await settleWorks([work], run, isOfAll);
  }
}

/** Several works as one step, in their order. Those that wait when a result has been told join, behind the others. */
export function* inOrder(
  works: Work<() => Step<unknown>>[],
  takeWaiting: TakeWaiting<() => Step<unknown>>,
): Step<unknown[]> {
  const results: unknown[] = [];
  for (const { step, beforeCommit } of works) {
    const result = yield* step();
    results.push(result);
    if (beforeCommit) {
      beforeCommit(result as never);
      works.push(...takeWaiting());
    }
  }
  return results;
}

/** Several works that only read, as one step: what they ask for in one moment is asked together. */
export function* sideBySide(works: readonly Work<() => Step<unknown>>[]): Step<unknown[]> {
  const results: unknown[] = [];
  let open = works.map(({ step }, index) => ({ index, step: step(), answer: undefined as unknown }));
  try {
    for (;;) {
      const asked: Statement<unknown>[] = [];
      const asking = open.flatMap(({ index, step, answer }) => {
        const { done, value } = step.next(answer);
        if (done) {
          results[index] = value;
          return [];
        }
        const from = asked.length;
        const isSingle = value instanceof Statement;
        asked.push(...(isSingle ? [value] : value.statements));
        return [{ index, step, isSingle, from, to: asked.length }];
      });
      if (asking.length === 0) return results;
      const answers: readonly unknown[] = yield* together(...asked);
      open = asking.map(({ index, step, isSingle, from, to }) => {
        return { index, step, answer: isSingle ? answers[from] : answers.slice(from, to) };
      });
    }
  } finally {
    for (const { step } of open) step.return(undefined);
  }
}
