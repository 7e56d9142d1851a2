import { describe } from 'vitest';
import { describeAccess } from './conformance/access/access.ts';
import { describePollers } from './conformance/admin/pollers.ts';
import { describeViews } from './conformance/admin/views.ts';
import type { MakeStore } from './conformance/desk.ts';
import { describeEvents } from './conformance/events/events.ts';
import { describeChat } from './conformance/inbox/chat.ts';
import { describeIntake } from './conformance/inbox/intake.ts';
import { describeMediaKeys } from './conformance/inbox/media-keys.ts';
import { describePolls } from './conformance/inbox/polls.ts';
import { describeQuotes } from './conformance/inbox/quotes.ts';
import { describeTriage } from './conformance/inbox/triage.ts';
import { describeFiles } from './conformance/outbox/files.ts';
import { describeHolds } from './conformance/outbox/holds.ts';
import { describeNextClaims } from './conformance/outbox/next-claims.ts';
import { describeOutbox } from './conformance/outbox/outbox.ts';
import { describeRefusals } from './conformance/outbox/refusals.ts';
import { describeVerdicts } from './conformance/outbox/verdicts.ts';
import { describeWord } from './conformance/outbox/word.ts';
import { describeConversations } from './conformance/pages/conversations.ts';
import { describePages } from './conformance/pages/pages.ts';
import { describeQuestions } from './conformance/questions/questions.ts';
import { describeRivals } from './conformance/rivals.ts';
import { describeSessions } from './conformance/sessions/sessions.ts';
import { describeBursts } from './conformance/turns/merging.ts';
import { describeOutputs } from './conformance/turns/output.ts';
import { describeTurns } from './conformance/turns/turns.ts';

/** What every implementation of the store's ports has to do; times are given, never waited for. */
export function describeStore(name: string, make: MakeStore): void {
  describe(name, () => {
    describe('intake', () => describeIntake(make));
    describe('triage', () => describeTriage(make));
    describe('polls', () => describePolls(make));
    describe('pollers', () => describePollers(make));
    describe('turns', () => describeTurns(make));
    describe('outputs', () => describeOutputs(make));
    describe('chat', () => describeChat(make));
    describe('bursts', () => describeBursts(make));
    describe('outbox', () => describeOutbox(make));
    describe('files', () => describeFiles(make));
    describe('verdicts', () => describeVerdicts(make));
    describe('claims that come with a verdict', () => describeNextClaims(make));
    describe('refusals', () => describeRefusals(make));
    describe('holds', () => describeHolds(make));
    describe('a word of the user', () => describeWord(make));
    describe('questions', () => describeQuestions(make));
    describe('sessions', () => describeSessions(make));
    describe('media keys', () => describeMediaKeys(make));
    describe('quotes', () => describeQuotes(make));
    describe('rivals', () => describeRivals(make));
    describe('pages', () => describePages(make));
    describe('conversations', () => describeConversations(make));
    describe('access', () => describeAccess(make));
    describe('events', () => describeEvents(make));
    describe('views', () => describeViews(make));
  });
}
