import { WxError } from '../../core/errors.ts';
import { within } from '../../core/time/event-loop.ts';

/** A store that does not answer within this time is away. */
const STORE_MS = 5_000;

/** What the store answers. Throws WxError `storage` when it takes too long: a server that is away is waited for much longer. */
export async function storeAnswer<T>(work: Promise<T>): Promise<T> {
  const found = await within(
    STORE_MS,
    work.then((answer) => ({ answer })),
  );
  if (found === null) throw new WxError('storage', `the store has not answered within ${STORE_MS / 1_000} s`);
  return found.answer;
}
