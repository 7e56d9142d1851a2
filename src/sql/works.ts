/** A step that waits for its transaction, and who waits for its result. */
export interface Work<S> {
  step: S;
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
}

/**
 * Runs works in one transaction, and settles each of them. One faulty step must not fail the others: each is then run by
 * itself, unless the error is one for which all have waited long enough (`isOfAll`).
 */
export async function settleWorks<S>(
  works: readonly Work<S>[],
  run: (works: readonly Work<S>[]) => Promise<unknown[]>,
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
