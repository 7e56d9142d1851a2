import type { DeafSign } from '../../store/port/port.ts';
import { localMinute } from './local-time.ts';

/** That an account may be deaf, in a sentence. */
export function deafSentence({
  sign,
  account,
  user,
  since,
  count,
}: Pick<DeafSign, 'sign' | 'user' | 'count'> & { account: string; since: string | number }): string {
  return sign === 'unconfirmed'
    ? `${account} may be deaf: ${count} messages to ${user} were accepted without an ID since ${localMinute(since)}; look at the phone`
    : `${account} may be deaf: ${user} has not written, as they used to, and got ${count} messages since ${localMinute(since)}; look at the phone`;
}
