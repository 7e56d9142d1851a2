import { describe } from 'vitest';
import { describeBursts } from './conformance/bursts.ts';
import { describeChat } from './conformance/chat.ts';
import type { MakeStore } from './conformance/desk.ts';
import { describeFiles } from './conformance/files.ts';
import { describeHolds } from './conformance/holds.ts';
import { describeIntake } from './conformance/intake.ts';
import { describeMediaKeys } from './conformance/media-keys.ts';
import { describeNextClaims } from './conformance/next-claims.ts';
import { describeOutbox } from './conformance/outbox.ts';
import { describeOutputs } from './conformance/outputs.ts';
import { describePollers } from './conformance/pollers.ts';
import { describePolls } from './conformance/polls.ts';
import { describeQuotes } from './conformance/quotes.ts';
import { describeRefusals } from './conformance/refusals.ts';
import { describeSessions } from './conformance/sessions.ts';
import { describeTriage } from './conformance/triage.ts';
import { describeTurns } from './conformance/turns.ts';
import { describeVerdicts } from './conformance/verdicts.ts';
import { describeViews } from './conformance/views.ts';

/** What every implementation of the store port has to do (design 4); times are given, never waited for. */
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
    describe('sessions', () => describeSessions(make));
    describe('media keys', () => describeMediaKeys(make));
    describe('quotes', () => describeQuotes(make));
    describe('views', () => describeViews(make));
  });
}
